"""The synchronous client: every verb is the asynchronous one, waited for (see `autolearn.blocking`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

import httpx
from pydantic import BaseModel

from autolearn import aio, finding
from autolearn.aio import admin, catalogue, datasets, experiments, jobs, log, pages, searches, sessions
from autolearn.aio import client as asynchronous
from autolearn.blocking import Facade, Portal, Verb, blocking, giving, iterating
from autolearn.finding import Place
from autolearn.transport import Patience
from common.contracts.jobs import Job as JobRecord
from common.contracts.jobs import JobState
from common.contracts.searches import Best
from common.contracts.searches import Search as SearchRecord

P = ParamSpec("P")
T = TypeVar("T", bound=BaseModel)


class Pages(Facade[pages.Pages[T]], Generic[T]):
    """A list on the server: `for item in pages`.

    Pages are fetched as they are needed, each iteration reads anew.
    """

    def __iter__(self) -> Iterator[T]:
        return self._portal.iterate(aiter(self._inner))

    all = blocking(pages.Pages[T].all)
    page = blocking(pages.Pages[T].page)
    to_frame = blocking(pages.Pages[T].to_frame)


def _paging(verb: Callable[Concatenate[Any, P], pages.Pages[T]]) -> Verb[P, Pages[T]]:
    return Verb(verb, lambda portal, inner: Pages(inner, portal))


class Job(Facade[jobs.Job]):
    """A handle on one job: `.record` is what the server said last; `.refresh()` asks again."""

    @property
    def record(self) -> JobRecord:
        """What the server said last."""
        return self._inner.record

    @property
    def id(self) -> str:
        """The full id: `trn_…`, `evl_…` or `srch_…`."""
        return self._inner.id

    @property
    def kind(self) -> str:
        """`training`, `evaluation` or `search`."""
        return self._inner.kind

    @property
    def state(self) -> JobState:
        """The state when it was last asked for."""
        return self._inner.state

    @property
    def session(self) -> str:
        """The id of its session."""
        return self._inner.session

    @property
    def result(self) -> dict[str, Any] | None:
        """Measures and all else it found; None unless it succeeded."""
        return self._inner.result

    @property
    def problem(self) -> dict[str, Any] | None:
        """Why it failed, as a problem document; None unless it did."""
        return self._inner.problem

    def refresh(self) -> Self:
        """Ask the server how the job is now."""
        self._portal.run(self._inner.refresh())
        return self

    def wait(self, timeout: float | None = None, *, check: bool = False) -> Self:
        """Wait until the job has ended, at most `timeout` seconds (then `WaitTimedOut`; the job goes on).

        A job that failed or was cancelled is returned like any other; with `check` it raises `JobFailed`.
        """
        self._portal.run(self._inner.wait(timeout, check=check))
        return self

    settle = blocking(jobs.Job.settle)

    def cancel(self) -> Self:
        """Ask the job to stop; one that has ended already stays as it is."""
        self._portal.run(self._inner.cancel())
        return self

    artifact = blocking(jobs.Job.artifact)
    onnx = blocking(jobs.Job.onnx)
    output = iterating(jobs.Job.output)
    progress = iterating(jobs.Job.progress)


class Search(Job):
    """A handle on one search: a job whose `trials` are trainings, and whose `best` leads so far."""

    _inner: searches.Search

    @property
    def record(self) -> SearchRecord:
        """What the server said last."""
        return self._inner.record

    @property
    def best(self) -> Best | None:
        """The trial that leads, as it was when it was last asked for."""
        return self._inner.best

    trials = _paging(searches.Search.trials)


def _handle(inner: jobs.Job, portal: Portal) -> Job:
    return Search(inner, portal) if isinstance(inner, searches.Search) else Job(inner, portal)


class Datasets(Facade[datasets.Datasets]):
    """`c.datasets`: upload, look at and remove tables."""

    upload = blocking(datasets.Datasets.upload)
    list = _paging(datasets.Datasets.list)
    show = blocking(datasets.Datasets.show)
    preview = blocking(datasets.Datasets.preview)
    profile = blocking(datasets.Datasets.profile)
    report = blocking(datasets.Datasets.report)
    download = blocking(datasets.Datasets.download)
    write = blocking(datasets.Datasets.write)
    to_frame = blocking(datasets.Datasets.to_frame)
    set_types = blocking(datasets.Datasets.set_types)
    delete = blocking(datasets.Datasets.delete)


class Algorithms(Facade[catalogue.Algorithms]):
    """`c.algorithms`: what can be trained, with its hyper-parameters as JSON Schema for each task."""

    list = _paging(catalogue.Algorithms.list)
    show = blocking(catalogue.Algorithms.show)


class Measures(Facade[catalogue.Measures]):
    """`c.measures`: what can be measured, and how each measure is defined."""

    list = _paging(catalogue.Measures.list)
    show = blocking(catalogue.Measures.show)


class Sessions(Facade[sessions.Sessions]):
    """`c.sessions`: open one, look at what it holds, commit or discard it."""

    open = blocking(sessions.Sessions.open)
    list = _paging(sessions.Sessions.list)
    show = blocking(sessions.Sessions.show)
    records = _paging(sessions.Sessions.records)
    compare = blocking(sessions.Sessions.compare)
    drop = blocking(sessions.Sessions.drop)
    commit = blocking(sessions.Sessions.commit)
    discard = blocking(sessions.Sessions.discard)
    keep = blocking(sessions.Sessions.keep)


class Jobs(Facade[jobs.Jobs]):
    """`c.jobs`: trainings, evaluations and searches of every session, newest first."""

    list = _paging(jobs.Jobs.list)
    show = giving(_handle, jobs.Jobs.show)


class Experiments(Facade[experiments.Experiments]):
    """`c.experiments`: find, compare, annotate and export."""

    list = _paging(experiments.Experiments.list)
    show = blocking(experiments.Experiments.show)
    compare = blocking(experiments.Experiments.compare)
    tag = blocking(experiments.Experiments.tag)
    note = blocking(experiments.Experiments.note)
    export = blocking(experiments.Experiments.export)
    write = blocking(experiments.Experiments.write)
    artifact = blocking(experiments.Experiments.artifact)
    onnx = blocking(experiments.Experiments.onnx)


class Log(Facade[log.Log]):
    """`c.log`: read it, follow it, verify the state against it, rebuild from it."""

    events = _paging(log.Log.events)
    stream = iterating(log.Log.stream)
    trace = blocking(log.Log.trace)
    verify = blocking(log.Log.verify)
    rebuild = blocking(log.Log.rebuild)


class Admin(Facade[admin.Admin]):
    """`c.admin`: what those need who run the platform."""

    backup = blocking(admin.Admin.backup)


class Client(Facade[asynchronous.Client]):
    """A connection to one server, for synchronous code; safe to use from several threads."""

    def __init__(
        self,
        place: Place,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        portal = Portal()
        super().__init__(asynchronous.Client(place, patience=patience, transport=transport), portal)
        self.datasets = Datasets(self._inner.datasets, portal)
        self.algorithms = Algorithms(self._inner.algorithms, portal)
        self.measures = Measures(self._inner.measures, portal)
        self.sessions = Sessions(self._inner.sessions, portal)
        self.jobs = Jobs(self._inner.jobs, portal)
        self.experiments = Experiments(self._inner.experiments, portal)
        self.log = Log(self._inner.log, portal)
        self.admin = Admin(self._inner.admin, portal)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._inner.url

    @property
    def current_session(self) -> str | None:
        """The id of the session that `train` uses when none is named; the first such call opens one."""
        return self._inner.current_session

    @current_session.setter
    def current_session(self, session: str | None) -> None:
        self._inner.current_session = session

    info = blocking(asynchronous.Client.info)
    readiness = blocking(asynchronous.Client.readiness)
    train = giving(Job, asynchronous.Client.train)
    search = giving(Search, asynchronous.Client.search)
    evaluate = giving(Job, asynchronous.Client.evaluate)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the client's thread."""
        self._portal.run(self._inner.close())
        self._portal.close()


def connect(url: str | None = None, token: str | None = None, profile: str | None = None) -> Client:
    """A client for the server at `url`, else by `profile`, `AUTOLEARN_URL`, the data folder, or the default
    address.

    Nothing is sent yet: a server that is not there shows with the first call, as `autolearn.Unreachable`. Use
    it as `with autolearn.connect() as c:`.
    """
    return Client(finding.find(url, token, profile))


__all__ = ["Client", "Job", "Pages", "Search", "aio", "connect"]
