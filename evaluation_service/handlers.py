"""The use case of this service: accept an evaluation of a trained model."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from common import errors
from common.contracts.jobs import EvaluationRequest
from common.http.asked import Asked
from common.http.client import ServiceClient
from common.http.problems import counted
from common.jobs.catalogue import Catalogue
from common.jobs.handlers import JobHandlers, Submission
from common.jobs.worker import Work
from common.learning.evaluation_request import (
    by_column,
    check_column,
    complete_evaluation,
    flaws_without_training,
)
from common.ports.record_store import Record
from common.ports.task_runner import SealedInput
from common.records import sealed_blobs, sealed_fields
from common.records.sealing import DataKey
from common.runtime import Runtime
from evaluation_service.clients import Trainings

_UNUSED = ("learned", "measures", "usage", "versions")  # of a training's result: large, and nothing to measure with


class EvaluationHandlers(JobHandlers):
    """Evaluations, from their submission to their end."""

    def __init__(
        self, runtime: Runtime, *, catalogue: Catalogue, trainings: Trainings, sessions: ServiceClient
    ) -> None:
        super().__init__(runtime, "evaluation", sessions)
        self._catalogue, self._trainings = catalogue, trainings

    async def evaluate(self, asked: Asked[EvaluationRequest], key: str | None) -> tuple[Record, bool]:
        """The accepted evaluation, and whether it is the one that an earlier request with this key has made.

        It belongs to the session of its training, whose model must still be there. Raises `errors.Invalid` with
        everything that is wrong, `errors.Conflict` for a training that has not succeeded (yet).
        """
        body, marks = self.marked(asked, key)
        if earlier := await self.replayed(marks):
            return earlier, True
        found, flaws = await self._catalogue.dataset(body["dataset"]) if body["dataset"] else (None, [])
        flaws = [*asked.flaws, *flaws]
        training = await self._training(body, flaws)
        state = training["state"]
        session_key = await self.keys.get(state["session"])
        blobs, sealed = self.runtime.blobs, state["sealed"]
        opened = {name: session_key.open(training["id"], name, sealed[name]) for name in ("result", "attempt_key")}
        secret = base64.b64decode(opened["attempt_key"])
        result = await sealed_blobs.fetch(blobs, opened["result"], secret)
        trained = await sealed_fields.open_field(blobs, session_key, training["id"], "request", sealed["request"])
        model = {"request": trained, "result": {k: v for k, v in result.items() if k not in _UNUSED}}
        completed, more = complete_evaluation(body, model, found["dataset"] if found else None)
        if by := by_column(completed):
            own, gone = await self._catalogue.dataset(state["dataset_id"])
            more += gone or ([] if own is None else check_column(by, own["dataset"]))
        if flaws := [*flaws, *more]:
            raise _refused(flaws)
        plain = {
            "training": training["id"],
            "dataset": f"{found['dataset']['name']}@{found['dataset']['version']}" if found else state["dataset"],
            "dataset_id": found["dataset"]["id"] if found else state["dataset_id"],
            "dataset_blob": found["blob"] if found else state["dataset_blob"],
            "algorithm": state["algorithm"],
        }
        # The dataset of the held-out rows is the training's own; only another one is part of the child's request.
        request = {**completed, "training": training["id"], "dataset": found["dataset"] if found else None}
        source = {"model": model, "blob": state["blobs"]["artifact"], "key": opened["attempt_key"]}
        return await self.submit_once(Submission(state["session"], request, plain, {"source": source}), marks)

    async def _training(self, body: Mapping[str, Any], flaws: Sequence[errors.Flaw]) -> Mapping[str, Any]:
        """The training of a request of which `flaws` are known; raises `errors.Invalid` with all when there is none."""
        if body["training"] is None:
            raise _refused([*flaws, *flaws_without_training(body)])
        try:
            training = await self._trainings.record(body["training"])
        except (errors.NotFound, errors.AmbiguousReference) as error:
            unknown = errors.Flaw("/training", error.code, error.detail)
            raise _refused([*flaws, unknown, *flaws_without_training(body)]) from error
        state = training["state"]
        if state.get("removed"):
            raise errors.Gone(f"{training['id']} was {state['removed']}")
        if state.get("experiment"):
            raise errors.Conflict(f"{training['id']} is committed as {state['experiment']}; evaluate before committing")
        if state["state"] != "succeeded":
            raise errors.NotReady(f"{training['id']} is {state['state']}; only a succeeded training has a model")
        return training

    @contextlib.asynccontextmanager
    async def prepare(self, record: Record, key: DataKey, request: Mapping[str, Any]) -> AsyncIterator[Work]:
        """What the child needs: the request with its training, the model as a sealed input, the rows as a file."""
        source = await self.views.submitted(record, key, "source")
        blobs = self.runtime.blobs
        async with (
            sealed_blobs.named(blobs, record.state["dataset_blob"]) as dataset,
            sealed_blobs.named(blobs, source["blob"]) as artifact,
        ):
            model = SealedInput(artifact, base64.b64decode(source["key"]), source["blob"])
            settings = self.runtime.settings
            more = {"processes": settings.slots, "packages": settings.estimator_packages}
            asked: dict[str, Any] = {**request, "training": source["model"], **more}
            yield Work(asked, inputs={"dataset": dataset}, sealed_inputs={"artifact": model})


def _refused(flaws: Sequence[errors.Flaw]) -> errors.Invalid:
    return errors.Invalid(f"the evaluation cannot be accepted: {counted(flaws)}", flaws=flaws)


def summarise(request: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What lists of records show of an evaluation."""
    dataset = request.get("dataset")
    return {
        "training": request["training"],
        "dataset": f"{dataset['name']}@{dataset['version']}" if dataset else _own_rows(request),
        "measures": result["measures"],
        "seconds": result["usage"]["seconds"],
    }


def _own_rows(request: Mapping[str, Any]) -> str:
    folds = request.get("cross_validation") or request.get("learning_curve")
    return f"{folds['folds']} folds" if folds else "held-out rows"
