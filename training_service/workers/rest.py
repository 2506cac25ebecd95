"""REST role: POST /v1/trainings and what every job has."""

from __future__ import annotations

from fastapi import APIRouter, Response

from common.contracts.jobs import Job, TrainingRequest
from common.http.app import router
from common.http.asked import Whole
from common.http.headers import IdempotencyKey, Wait
from common.jobs import routes as jobs
from training_service.handlers import TrainingHandlers


def routes(handlers: TrainingHandlers) -> list[APIRouter]:
    """All routes of the service."""
    own = router(tags=["trainings"])

    @own.post("/v1/trainings", status_code=202, response_model=Job, name="create_training")
    async def train(asked: Whole[TrainingRequest], key: IdempotencyKey, wait: Wait) -> Response:
        """Validate everything, write the job down, and run it as soon as a slot is free."""
        record, replayed = await handlers.train(asked, key)
        return await jobs.accepted(handlers, record, wait, replayed=replayed)

    return [own, jobs.artifact_of(handlers), jobs.public(handlers), jobs.internal(handlers)]
