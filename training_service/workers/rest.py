"""REST role: trainings and searches, and what every job has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import JSONResponse

from common.contracts.base import Page
from common.contracts.jobs import Job, TrainingRequest
from common.contracts.searches import Search, SearchRequest, Trial
from common.http.app import router
from common.http.asked import Whole
from common.http.headers import IdempotencyKey, Wait
from common.http.paging import Listing, listing
from common.jobs import routes as jobs
from common.jobs.model import terminal
from common.ports.record_store import Record
from training_service import repository
from training_service.following import SearchFollower
from training_service.handlers import TrainingHandlers
from training_service.searches import SearchHandlers


def routes(handlers: TrainingHandlers) -> list[APIRouter]:
    """All routes of trainings."""
    own = router(tags=["trainings"])

    @own.post("/v1/trainings", status_code=202, response_model=Job, name="create_training")
    async def train(asked: Whole[TrainingRequest], key: IdempotencyKey, wait: Wait) -> Response:
        """Validate everything, write the job down, and run it as soon as a slot is free."""
        record, replayed = await handlers.train(asked, key)
        return await jobs.accepted(handlers, record, wait, replayed=replayed)

    return [own, jobs.artifact_of(handlers), jobs.public(handlers), jobs.internal(handlers)]


def search_routes(handlers: SearchHandlers) -> list[APIRouter]:
    """All routes of searches."""
    own = router(tags=["searches"])
    follower = SearchFollower(handlers)

    @own.post("/v1/searches", status_code=202, response_model=Search, name="create_search")
    async def search(asked: Whole[SearchRequest], key: IdempotencyKey, wait: Wait) -> Response:
        """Validate every trial, write the search down, and train a few at a time until all are done."""
        record, replayed = await handlers.begin(asked, key)
        return await jobs.accepted(handlers, record, wait, replayed=replayed)

    @own.get("/v1/searches", name="list_searches")
    async def page(asked: Annotated[Listing, Depends(listing(repository.FIELDS, "-created"))]) -> Page[Search]:
        """Searches, the newest first, without what is confidential."""
        return await handlers.page(asked)

    @own.get("/v1/searches/{reference}", name="show_search")
    async def show(reference: str, wait: Wait) -> Search:
        """One search: how far it is, and its best trial so far."""
        return await handlers.searches.full(await handlers.ended(await handlers.get(reference), wait))

    @own.get("/v1/searches/{reference}/trials", name="search_trials")
    async def trials(
        reference: str, asked: Annotated[Listing, Depends(listing(repository.TRIAL_FIELDS, "-rung,rank"))]
    ) -> Page[Trial]:
        """The trials that have been submitted, the last rung first, by rank."""
        return await handlers.trials(reference, asked)

    @own.get("/v1/searches/{reference}/progress", name="search_progress", response_class=EventSourceResponse)
    async def progress(record: Annotated[Record, Depends(found)]) -> AsyncIterator[ServerSentEvent]:
        """`state`, `progress` and `best` whenever they change, until the search has ended."""
        async for event, data in follower.events(record.id):
            yield ServerSentEvent(event=event, data=data)

    @own.post("/v1/searches/{reference}:cancel", name="cancel_search", response_model=Search)
    async def cancel(reference: str) -> Response:
        """Try nothing more, and cancel the trials that wait or run; those that have ended stay."""
        record = await handlers.cancel(reference)
        shown: dict[str, Any] = (await handlers.searches.full(record)).model_dump(mode="json")
        return JSONResponse(shown, status_code=200 if terminal(record.state) else 202)

    return [own, jobs.records(handlers, "/internal/searches")]


async def found(reference: str, request: Request) -> Record:
    """The search of the path, before a stream begins: one that is unknown or gone is a problem, not a broken stream."""
    handlers: SearchHandlers = request.app.state.searches
    record = await handlers.get(reference)
    await handlers.searches.full(record)
    return record
