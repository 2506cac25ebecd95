"""The use case of this service: accept a training after validating all of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from common import errors
from common.contracts.jobs import TrainingRequest, headline
from common.http.asked import Asked
from common.http.problems import counted
from common.jobs.catalogue import Catalogue
from common.jobs.handlers import JobHandlers, Submission
from common.jobs.worker import Work
from common.learning.estimators import qualified
from common.learning.request import complete_training, flaws_without_dataset
from common.ports.record_store import Record
from common.records import sealed_blobs
from common.records.sealing import DataKey
from common.runtime import Runtime
from training_service.clients import Sessions


class TrainingHandlers(JobHandlers):
    """Trainings, from their submission to their end."""

    def __init__(self, runtime: Runtime, *, catalogue: Catalogue, sessions: Sessions) -> None:
        super().__init__(runtime, "training", sessions.client)
        self._catalogue, self._places = catalogue, sessions

    async def train(self, asked: Asked[TrainingRequest], key: str | None) -> tuple[Record, bool]:
        """The accepted training, and whether it is the one that an earlier request with this key has made.

        Raises `errors.Invalid` with everything that is wrong at its JSON pointer; then nothing has happened.
        """
        body = asked.document()
        marks = self.fingerprints(key, body) if not asked.flaws else {}
        if earlier := await self.replayed(marks):
            return earlier, True
        completed, found = await self._checked(body, asked.flaws)
        dataset = found["dataset"]
        plain = {
            "dataset": f"{dataset['name']}@{dataset['version']}",
            "dataset_id": dataset["id"],
            "dataset_blob": found["blob"],
            "algorithm": completed["algorithm"],
        }
        try:
            return await self.submit_once(Submission(quote(body["session"], safe=""), completed, plain), marks)
        except errors.NotFound as error:
            raise errors.Invalid(error.detail, flaws=[errors.Flaw("/session", error.code, error.detail)]) from error

    async def _checked(
        self, body: Mapping[str, Any], flaws: Sequence[errors.Flaw]
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The request with all defaults, and its dataset; raises `errors.Invalid` with these flaws and all others."""
        completed: dict[str, Any] = {}
        found, described, flaws = None, None, [*flaws]
        if body["dataset"] is not None:
            found, wrong = await self._catalogue.dataset(body["dataset"])
            flaws += wrong
        if body["algorithm"] is not None and qualified(body["algorithm"]):
            described, wrong = await self._catalogue.estimator(body["algorithm"])
            flaws += wrong
            body = {**body, "algorithm": None} if wrong else body
        if found:
            completed, wrong = complete_training(body, found["dataset"], described)
            flaws += wrong
        else:
            flaws += flaws_without_dataset(body, described)
        if flaws and body["session"] is not None and (place := await self._places.problem(body["session"])):
            flaws.append(place)
        if flaws or not found:
            raise errors.Invalid(f"the training cannot be accepted: {counted(flaws)}", flaws=flaws)
        return completed, found

    @contextlib.asynccontextmanager
    async def prepare(self, record: Record, key: DataKey) -> AsyncIterator[Work]:
        """What the child needs: the request as it was completed, and the dataset as a local file."""
        request = key.open(record.id, "request", record.state["sealed"]["request"])
        async with sealed_blobs.named(self.runtime.blobs, record.state["dataset_blob"]) as dataset:
            asked = {**request, "packages": self.runtime.settings.estimator_packages}
            yield Work(asked, inputs={"dataset": dataset}, sealed_outputs=("artifact",))


def summarise(request: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What lists of records and experiments show of a training, and are filtered and sorted by."""
    return {
        "dataset": f"{request['dataset']['name']}@{request['dataset']['version']}"
        if isinstance(request["dataset"], dict)
        else request["dataset"],
        "dataset_digest": (request["dataset"] or {}).get("digest") if isinstance(request["dataset"], dict) else None,
        "target": request["target"],
        "task": request["task"],
        "algorithm": request["algorithm"],
        "parameters": request["parameters"],
        "measures": headline(result),
        "seconds": result["usage"]["seconds"],
    }
