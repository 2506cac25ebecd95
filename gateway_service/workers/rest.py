"""The REST role: the log, its verification and rebuilding, and the jobs of all services."""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from common import errors, ids, times
from common.backup.taking import Backups
from common.contracts.base import Page
from common.contracts.jobs import Job
from common.contracts.log import LoggedEvent, Rebuild, RebuildRequest, Verification
from common.http.app import router
from common.http.headers import IdempotencyKey, Wait
from gateway_service import events as log
from gateway_service.clients import Finder
from gateway_service.events import Events, Selection
from gateway_service.jobs import Jobs
from gateway_service.verifying import Rebuilds, Verifier

_TRACE = re.compile(r"[0-9a-f]{32}")
_Told = Annotated[str | None, Query(max_length=300)]


def following(
    service: _Told = None,
    peer: _Told = None,
    actor: _Told = None,
    kind: Annotated[Literal["call", "state"] | None, Query()] = None,
    route: _Told = None,
    outcome: _Told = None,
    session: _Told = None,
    record: _Told = None,
) -> Selection:
    """Which events of a stream are wanted."""
    return Selection(service, peer, actor, kind, route, outcome, session, record)


def selection(
    base: Annotated[Selection, Depends(following)],
    since: Annotated[str | None, Query(max_length=60, description="RFC 3339, included")] = None,
    until: Annotated[str | None, Query(max_length=60, description="RFC 3339, not included")] = None,
) -> Selection:
    """Which events of a page are wanted."""
    facets = (
        base.service,
        base.peer,
        base.actor,
        base.kind,
        base.route,
        base.outcome,
        base.session,
        base.record,
    )
    return Selection(*facets, since=since, until=until)


def resumption(
    after: Annotated[int | None, Query(ge=0, description="Begin behind this arrival number; default: now")] = None,
    last_event_id: Annotated[str | None, Header(description="The last id that was received")] = None,
) -> int | None:
    """Where a stream goes on: what was received last counts more than where it once began."""
    if last_event_id is None or not last_event_id.strip():
        return after
    if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 18:
        raise errors.BadRequest(f"Last-Event-ID {last_event_id[:30]!r} is no arrival number")
    return int(last_event_id)


def log_routes(
    events: Events, finder: Finder, verifier: Verifier, rebuilds: Rebuilds, recent: deque[dict[str, Any]]
) -> APIRouter:
    """The routes of the log; `recent` are the last calls of this process."""
    api = router(tags=["log"])

    @api.get("/v1/log/events")
    async def list_events(
        wanted: Annotated[Selection, Depends(selection)],
        order: Annotated[Literal["asc", "desc"], Query()] = "desc",
        cursor: Annotated[str | None, Query(max_length=4_000, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Page[LoggedEvent]:
        """Calls and changes in the order of (time, source, id)."""
        return await events.page(wanted, order=order, cursor=cursor, limit=limit)

    @api.get("/v1/log/stream", response_class=EventSourceResponse)
    async def follow_events(
        wanted: Annotated[Selection, Depends(following)], after: Annotated[int | None, Depends(resumption)]
    ) -> AsyncIterable[ServerSentEvent]:
        """Calls and changes as they arrive, without end; resumes behind `Last-Event-ID`."""
        async for event in events.follow(wanted, after):
            yield ServerSentEvent(data=event, id=str(event.arrival))

    @api.get("/v1/log/recent")
    async def list_recent(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
    ) -> dict[str, list[dict[str, Any]]]:
        """The last calls, newest first, from memory: also while the event log is away."""
        return {"items": log.recent(recent, limit)}

    @api.get("/v1/log/traces/{ref}")
    async def show_trace(ref: str) -> Page[LoggedEvent]:
        """Everything of a trace; or of a record: its changes, their traces, and the calls that name it."""
        if _TRACE.fullmatch(ref):
            return Page(items=await events.trace(ref))
        identifier = ref if ids.FULL.fullmatch(ref) else await finder.find(ref)
        return Page(items=await events.record(identifier))

    @api.get("/v1/log:verify")
    async def verify_log() -> Verification:
        """Compare every stored record with the fold of its events."""
        return await verifier.verify()

    @api.post("/v1/log:rebuild", status_code=202)
    async def rebuild_log(request: RebuildRequest, response: Response, key: IdempotencyKey, wait: Wait) -> Rebuild:
        """Rebuild every record from the log, in a new store of the given name, and compare digests."""
        rebuild, replayed = rebuilds.start(request.into, key)
        rebuild = await rebuilds.wait(rebuild.id, wait)
        response.headers["Location"] = f"/v1/log/rebuilds/{rebuild.id}"
        if replayed:
            response.headers["Idempotency-Replayed"] = "true"
        if rebuild.state != "running":
            response.status_code = 200
        return rebuild

    @api.get("/v1/log/rebuilds/{id}")
    async def show_rebuild(id: str) -> Rebuild:
        """How far a rebuild is."""
        return rebuilds.show(id)

    return api


class Download(StreamingResponse):
    """A streamed answer that lets go of its source however it ends, also when the client goes away."""

    def __init__(self, source: contextlib.AsyncExitStack, pieces: AsyncIterator[bytes], filename: str) -> None:
        disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
        super().__init__(pieces, media_type="application/x-tar", headers=disposition)
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._source:
            await super().__call__(scope, receive, send)


def admin_routes(backups: Backups) -> APIRouter:
    """The routes of those who run the platform."""
    api = router(tags=["admin"])

    @api.get("/v1/admin/backup", response_class=Response)
    async def take_backup() -> Response:
        """A backup of this moment as a tar archive, taken while everything goes on; without the master key."""
        async with contextlib.AsyncExitStack() as stack:
            pieces = await stack.enter_async_context(backups.taken())
            moment = times.now().translate({ord(mark): None for mark in "-:"}).partition(".")[0]
            return Download(stack.pop_all(), pieces, f"autolearn-{moment}Z.tar")

    return api


def job_routes(jobs: Jobs) -> APIRouter:
    """The routes of jobs of any kind."""
    api = router(tags=["jobs"])

    @api.get("/v1/jobs")
    async def list_jobs(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(max_length=4_000, description="`next` of the page before")] = None,
        filter: Annotated[
            str,
            Query(
                max_length=4_000,
                description="Condition over: kind, state, session, dataset, algorithm, created",
            ),
        ] = "",
        sort: Annotated[Literal["-created", "created"], Query()] = "-created",
    ) -> Page[Job]:
        """Trainings, evaluations and searches, the newest first."""
        return await jobs.page(filter=filter, newest_first=sort == "-created", cursor=cursor, limit=limit)

    @api.get("/v1/jobs/{ref}")
    async def show_job(ref: str) -> Job:
        """One training, evaluation or search, by its id or at least six of its last characters."""
        return await jobs.show(ref)

    return api
