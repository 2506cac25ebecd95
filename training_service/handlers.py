"""Trainings: each is accepted after validating all of it."""

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
from common.records.repository import Repository
from common.records.sealing import DataKey
from common.runtime import Runtime
from training_service import repository
from training_service.clients import Sessions


class TrainingHandlers(JobHandlers):
    """Trainings, from their submission to their end."""

    def __init__(self, runtime: Runtime, *, catalogue: Catalogue, sessions: Sessions, searches: Repository) -> None:
        super().__init__(runtime, "training", sessions.client)
        self._catalogue, self._places, self._searches = catalogue, sessions, searches

    async def train(self, asked: Asked[TrainingRequest], key: str | None) -> tuple[Record, bool]:
        """The accepted training, and whether it is the one that an earlier request with this key has made.

        Raises `errors.Invalid` with everything that is wrong at its JSON pointer; then nothing has happened.
        """
        body, marks = self.marked(asked, key)
        if earlier := await self.replayed(marks):
            return earlier, True
        submission = await self._checked(body, asked.flaws)
        return await submitted(self, submission, marks)

    async def try_out(self, body: Mapping[str, Any], identifier: str, **of: str | int) -> Record:
        """The training that a trial of a search is, under its derived id, which makes a repeat harmless.

        `of` says in clear whose trial it is. Errors as `train` and `submit`.
        """
        return await self.submit(await self._checked(body, (), **of), {}, identifier)

    async def finished(self, record: Record) -> None:
        """Tell everybody who waits that the training has ended, and the search whose trial it is."""
        await super().finished(record)
        if search := record.state.get("search"):
            await self.runtime.ring("search.trial", job=search)

    async def using(self, dataset: str) -> tuple[Sequence[str], int]:
        """Trainings that use a dataset version, and searches that will."""
        (some, count), (others, more) = await super().using(dataset), await repository.using(self._searches, dataset)
        return [*some, *(one.id for one in others)], count + more

    async def _checked(self, body: Mapping[str, Any], flaws: Sequence[errors.Flaw], **plain: Any) -> Submission:
        """What is to be submitted; raises `errors.Invalid` with these flaws and all others."""
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
        await refuse("training", flaws, self._places, body["session"])
        assert found is not None
        told = {**used(found), "algorithm": completed["algorithm"], **plain}
        return Submission(quote(body["session"], safe=""), completed, told)

    @contextlib.asynccontextmanager
    async def prepare(self, record: Record, key: DataKey, request: Mapping[str, Any]) -> AsyncIterator[Work]:
        """What the child needs: the request as it was completed, and the dataset as a local file."""
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


async def submitted(handlers: JobHandlers, submission: Submission, marks: Mapping[str, str]) -> tuple[Record, bool]:
    """`JobHandlers.submit_once`; a session that is not there is a flaw of the request that names it."""
    try:
        return await handlers.submit_once(submission, marks)
    except errors.NotFound as error:
        raise errors.Invalid(error.detail, flaws=[errors.Flaw("/session", error.code, error.detail)]) from error


async def refuse(kind: str, flaws: Sequence[errors.Flaw], places: Sessions, session: str | None) -> None:
    """Raise `errors.Invalid` if there are flaws, with that of the session if it has one."""
    if not flaws:
        return
    if session is not None and (place := await places.problem(session)):
        flaws = [*flaws, place]
    raise errors.Invalid(f"the {kind} cannot be accepted: {counted(flaws)}", flaws=flaws)


def used(found: Mapping[str, Any]) -> dict[str, str]:
    """What a record says in clear of the dataset version that it uses, as the catalogue gives it."""
    dataset = found["dataset"]
    return {
        "dataset": f"{dataset['name']}@{dataset['version']}",
        "dataset_id": dataset["id"],
        "dataset_blob": found["blob"],
    }
