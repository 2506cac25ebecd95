"""REST role: POST /v1/evaluations and what every job has."""

from __future__ import annotations

from fastapi import APIRouter, Response

from common.contracts.jobs import EvaluationRequest, Job
from common.http.app import router
from common.http.asked import Whole
from common.http.headers import IdempotencyKey, Wait
from common.jobs import routes as jobs
from evaluation_service.handlers import EvaluationHandlers


def routes(handlers: EvaluationHandlers) -> list[APIRouter]:
    """All routes of the service."""
    own = router(tags=["evaluations"])

    @own.post("/v1/evaluations", status_code=202, response_model=Job, name="create_evaluation")
    async def evaluate(asked: Whole[EvaluationRequest], key: IdempotencyKey, wait: Wait) -> Response:
        """Measure a model of an open session on its held-out rows, or on another dataset with the same features."""
        record, replayed = await handlers.evaluate(asked, key)
        return await jobs.accepted(handlers, record, wait, replayed=replayed)

    return [own, jobs.public(handlers), jobs.internal(handlers)]
