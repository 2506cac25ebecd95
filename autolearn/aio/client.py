"""The client: one server, its resources, and the two verbs everything is about, train and evaluate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from autolearn import finding
from autolearn.aio.admin import Admin
from autolearn.aio.catalogue import Algorithms, Measures
from autolearn.aio.datasets import Datasets
from autolearn.aio.experiments import Experiments
from autolearn.aio.jobs import Job, Jobs
from autolearn.aio.log import Log
from autolearn.aio.searches import Search
from autolearn.aio.sessions import Sessions
from autolearn.finding import Place
from autolearn.references import Named, reference
from autolearn.transport import Patience, Transport
from common.contracts.jobs import Job as JobRecord
from common.contracts.searches import Search as SearchRecord
from common.contracts.service import Info, Readiness


def connect(url: str | None = None, token: str | None = None, profile: str | None = None) -> Client:
    """A client for the server at `url`, else by `profile`, `AUTOLEARN_URL`, the data folder, or the default
    address.

    Nothing is sent yet: a server that is not there shows with the first call, as `autolearn.Unreachable`. Use
    it as `async with autolearn.aio.connect() as c:`.
    """
    return Client(finding.find(url, token, profile))


class Client:
    """A connection pool to one server. Not to be shared between event loops."""

    def __init__(
        self,
        place: Place,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        remark: Callable[[str], None] | None = None,
    ) -> None:
        """`remark` is told what a person who waits wants to know: a stream that broke is connected again."""
        self._transport = Transport(place, patience=patience, transport=transport)
        if remark is not None:
            self._transport.remark = remark
        self._opening = asyncio.Lock()
        self.current_session: str | None = None
        """The id of the session that `train` uses when none is named; the first such call opens one."""
        self.datasets = Datasets(self._transport)
        self.algorithms = Algorithms(self._transport)
        self.measures = Measures(self._transport)
        self.sessions = Sessions(self._transport)
        self.jobs = Jobs(self._transport)
        self.experiments = Experiments(self._transport)
        self.log = Log(self._transport)
        self.admin = Admin(self._transport)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.place.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def info(self) -> Info:
        """The server's version, mode and limits."""
        return Info.model_validate(await self._transport.get("/v1/info"))

    async def readiness(self) -> Readiness:
        """Whether the server takes writes now, and what is away; raises only if it cannot be reached."""
        answer = await self._transport.send("GET", "/readyz", raise_problems=False)
        said = self._transport.document(answer)
        return Readiness.model_validate({"ready": answer.is_success, **said})

    async def train(
        self,
        dataset: Named,
        algorithm: str,
        target: str | None = None,
        *,
        session: Named | None = None,
        parameters: Mapping[str, Any] | None = None,
        task: str | None = None,
        features: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        positive_class: str | float | bool | None = None,
        measures: Iterable[str] | None = None,
        test_share: float | None = None,
        seed: int | None = None,
        stratify: str | bool | None = None,
        train_rows: int | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        wait: bool = True,
        timeout: float | None = None,
    ) -> Job:
        """Train `algorithm` to predict the column `target` of `dataset` from the others.

        Clusterings and anomaly detections have no `target`. Held out are `test_share` (default 0.25) of the rows; of
        the others at most `train_rows` are learned from. `measures` are computed besides the usual ones.
        `preprocessing` says how columns are prepared where their type alone should not decide:
        `{"columns": {"age": {"impute": "mean", "scale": "robust"}}}`, see `contracts.jobs.ColumnPreparation`.
        Limits are seconds and bytes. Without `session`
        the client's own is used, opened with the first call. With `wait` the job has ended when this returns,
        whether it succeeded or not; `timeout` bounds the waiting (seconds, then `WaitTimedOut`), never the
        job. Raises `errors.Invalid` with every flaw of the request, `errors.SessionClosed`,
        `errors.NotFound`.
        """
        return await self._submit(
            "/v1/trainings",
            {
                **await self._learned(session, dataset, target, task, features, exclude, positive_class, measures),
                "algorithm": algorithm,
                "parameters": dict(parameters) if parameters is not None else None,
                "split": _given(test_share=test_share, seed=seed, stratify=stratify, train_rows=train_rows),
                "preprocessing": dict(preprocessing) if preprocessing is not None else None,
                "limits": _given(seconds=time_limit, memory=memory_limit),
            },
            wait,
            timeout,
        )

    async def evaluate(
        self,
        training: Named,
        measures: Iterable[str] | None = None,
        *,
        dataset: Named | None = None,
        confidence: float | None = None,
        resamples: int | None = None,
        folds: int | None = None,
        groups: str | None = None,
        time: str | None = None,
        learning_curve: bool | Mapping[str, Any] = False,
        permutation_importance: bool | Mapping[str, Any] = False,
        partial_dependence: bool | Mapping[str, Any] = False,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        wait: bool = True,
        timeout: float | None = None,
    ) -> Job:
        """Measure the model of `training` on its held-out rows, or on another `dataset` with the same
        features.

        Without `measures` the usual ones of the task, with `["all"]` every one. `confidence` (0.95) asks for
        bootstrap intervals over so many `resamples` (1000) of the rows. With `folds` it is a
        cross-validation: trained anew on each fold, rows with the same value of the column `groups` staying
        together, or in the order of the column `time`; with `learning_curve` that on growing shares of the rows.
        `permutation_importance` and `partial_dependence` tell what the model makes of its columns. Each may be a
        mapping of its settings, see `contracts.jobs`. Waiting as in `train`.
        """
        divided = _folds(folds, groups, time)
        return await self._submit(
            "/v1/evaluations",
            {
                "training": reference(training),
                "measures": list(measures) if measures is not None else None,
                "dataset": reference(dataset) if dataset is not None else None,
                "cross_validation": None if learning_curve else divided,
                "learning_curve": {**(divided or {}), **_settings(learning_curve)} if learning_curve else None,
                "permutation_importance": _settings(permutation_importance) if permutation_importance else None,
                "partial_dependence": _settings(partial_dependence) if partial_dependence else None,
                "confidence": _given(level=confidence, resamples=resamples),
                "limits": _given(seconds=time_limit, memory=memory_limit),
            },
            wait,
            timeout,
        )

    async def search(
        self,
        dataset: Named,
        algorithms: Mapping[str, Mapping[str, Any]] | None = None,
        target: str | None = None,
        *,
        draws: int | None = None,
        seed: int | None = None,
        halving: bool | Mapping[str, Any] = False,
        by: str | None = None,
        budget: float | None = None,
        most_trials: int | None = None,
        session: Named | None = None,
        task: str | None = None,
        features: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        positive_class: str | float | bool | None = None,
        measures: Iterable[str] | None = None,
        test_share: float | None = None,
        stratify: str | bool | None = None,
        train_rows: int | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        wait: bool = True,
        timeout: float | None = None,
    ) -> Search:
        """Train many times, and rank the trainings by the measure `by` (balanced_accuracy, r2 or silhouette, by task).

        `algorithms` maps each algorithm to what is tried of its parameters: a list is of candidates, `{"low": 0.01,
        "high": 100}` a range, anything else the value for all. Every combination is tried, or with `draws` so many
        different ones of each algorithm, the same for the same `seed`. Without `algorithms` every one of the catalogue
        that fits is. With `halving` all learn from few rows and the best third from more; it may be a mapping of its
        settings, see `contracts.searches.Halving`. The search ends after `budget` seconds, or `most_trials` trainings.
        All else is told, and waited for, as in `train`.
        """
        method = "all" if algorithms is None else "grid" if draws is None else "random"
        spaces = [{"algorithm": name, "parameters": dict(space)} for name, space in (algorithms or {}).items()]
        record = await self._post(
            "/v1/searches",
            {
                **await self._learned(session, dataset, target, task, features, exclude, positive_class, measures),
                "split": _given(test_share=test_share, seed=seed, stratify=stratify, train_rows=train_rows),
                "preprocessing": dict(preprocessing) if preprocessing is not None else None,
                "limits": _given(seconds=time_limit, memory=memory_limit),
                "method": method,
                "algorithms": spaces or None,
                "draws": draws,
                "halving": _settings(halving) if halving else None,
                "by": by,
                "budget": _given(seconds=budget, trials=most_trials),
            },
        )
        search = Search(self._transport, SearchRecord.model_validate(record))
        return await search.wait(timeout) if wait else search

    async def _learned(
        self,
        session: Named | None,
        dataset: Named,
        target: str | None,
        task: str | None,
        features: Iterable[str] | None,
        exclude: Iterable[str] | None,
        positive_class: str | float | bool | None,
        measures: Iterable[str] | None,
    ) -> dict[str, Any]:
        return {
            "session": reference(session) if session is not None else await self._own_session(),
            "dataset": reference(dataset),
            "target": target,
            "task": task,
            "features": list(features) if features is not None else None,
            "exclude": list(exclude) if exclude is not None else None,
            "positive_class": positive_class,
            "measures": list(measures) if measures is not None else None,
        }

    async def _submit(self, path: str, body: Mapping[str, Any], wait: bool, timeout: float | None) -> Job:
        job = Job(self._transport, JobRecord.model_validate(await self._post(path, body)))
        return await job.wait(timeout) if wait else job

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        told = {name: value for name, value in body.items() if value is not None}
        return self._transport.document(await self._transport.send("POST", path, json=told))

    async def _own_session(self) -> str:
        async with self._opening:
            if self.current_session is None:
                self.current_session = (await self.sessions.open()).id
            return self.current_session


def _folds(folds: int | None, groups: str | None, time: str | None) -> dict[str, Any] | None:
    if folds is None and groups is None and time is None:
        return None
    method = "grouped" if groups is not None else "time" if time is not None else "plain"
    return _given(folds=folds, method=method, column=groups if groups is not None else time)


def _settings(asked: bool | Mapping[str, Any]) -> dict[str, Any]:
    return dict(asked) if isinstance(asked, Mapping) else {}


def _given(**values: Any) -> dict[str, Any] | None:
    """What was given; None if nothing was."""
    return {name: value for name, value in values.items() if value is not None} or None
