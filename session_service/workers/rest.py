"""The REST role: sessions, their records, and what the other services ask."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from starlette.responses import JSONResponse

from common import errors
from common.contracts.base import Command, Page
from common.contracts.sessions import (
    Comparison,
    Session,
    SessionCommit,
    SessionKeep,
    SessionOpening,
    SessionRecord,
    SessionState,
)
from common.http.app import router
from common.http.headers import IdempotencyKey, Wait
from common.http.paging import Listing, listing
from common.ports.record_store import Record
from session_service.handlers import Handlers
from session_service.keys import Keys
from session_service.repository import RECORD_FIELDS, SESSION_FIELDS

_DISCARD_WAIT = 1.0


class Reservation(Command):
    """A job that is about to be made."""

    job: str
    kind: str
    training: str | None = None


class Release(Command):
    """A job that has not been made after all."""

    job: str


def routes(handlers: Handlers) -> APIRouter:
    """The public routes."""
    api = router(tags=["sessions"])

    async def answer(record: Record, *, done: int = 200, replayed: bool = False) -> Response:
        headers = {"Location": f"/v1/sessions/{record.id}"}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        ending = record.state["state"] in (SessionState.committing, SessionState.discarding)
        shown = await handlers.views.session(record)
        return JSONResponse(shown.model_dump(mode="json"), status_code=202 if ending else done, headers=headers)

    @api.post("/v1/sessions", status_code=201, response_model=Session)
    async def open_session(key: IdempotencyKey, asked: SessionOpening | None = None) -> Response:
        """Open a session."""
        record, replayed = await handlers.open(asked or SessionOpening(), key)
        return await answer(record, done=201, replayed=replayed)

    @api.get("/v1/sessions")
    async def list_sessions(asked: Annotated[Listing, Depends(listing(SESSION_FIELDS, "-created"))]) -> Page[Session]:
        """Sessions, the newest first."""
        return await handlers.page(asked)

    @api.get("/v1/sessions/{ref}:compare")
    async def compare_session(ref: str) -> Comparison:
        """What a session holds, side by side."""
        return await handlers.compare(ref)

    @api.get("/v1/sessions/{ref}")
    async def show_session(ref: str) -> Session:
        """One session: by the name of one that is not closed, its id, or the ending of its id."""
        return await handlers.show(ref)

    @api.get("/v1/sessions/{ref}/records")
    async def list_records(
        ref: str, asked: Annotated[Listing, Depends(listing(RECORD_FIELDS, "-created"))]
    ) -> Page[SessionRecord]:
        """The finished jobs that a session holds."""
        return await handlers.list_records(ref, asked)

    @api.delete("/v1/sessions/{ref}/records/{job}", status_code=204)
    async def drop_record(ref: str, job: str) -> None:
        """Remove a finished job; a training takes its evaluations along."""
        await handlers.drop(ref, job)

    @api.post("/v1/sessions/{ref}:commit", response_model=Session)
    async def commit_session(ref: str, key: IdempotencyKey, wait: Wait, asked: SessionCommit | None = None) -> Response:
        """Store the succeeded trainings with their evaluations as experiments: all at once, or none."""
        record, commit, replayed = await handlers.commit(ref, asked or SessionCommit(), key)
        record = await handlers.ended(record, wait)
        failure = record.state.get("failure")
        if failure and failure["commit"] == commit:
            raise errors.from_problem(
                {"code": failure["code"], "detail": f"nothing was committed: {failure['detail']}"}
            )
        return await answer(record, replayed=replayed)

    @api.post("/v1/sessions/{ref}:discard", response_model=Session)
    async def discard_session(ref: str, wait: Wait) -> Response:
        """Cancel the session's open jobs and erase what it holds."""
        record = await handlers.discard(ref)
        # Without open jobs it takes a moment only: that answer is worth waiting for.
        return await answer(await handlers.ended(record, wait or _DISCARD_WAIT))

    @api.post("/v1/sessions/{ref}:keep", response_model=Session)
    async def keep_session(ref: str, asked: SessionKeep) -> Response:
        """Let the session expire later."""
        return await answer(await handlers.keep(ref, asked.for_))

    return api


def internal(handlers: Handlers, keys: Keys) -> APIRouter:
    """Reservations and keys, for the other services alone."""
    api = router(include_in_schema=False)

    @api.post("/internal/sessions/{ref}:reserve")
    async def reserve(ref: str, asked: Reservation) -> dict[str, Any]:
        session, key = await handlers.reserve(ref, asked.job, asked.kind)
        return {"session": session, "key": key}

    @api.post("/internal/sessions/{identifier}:release", status_code=204)
    async def release(identifier: str, asked: Release) -> None:
        await handlers.arrivals.release(identifier, asked.job)

    @api.get("/internal/keys/{owner}")
    async def get_key(owner: str) -> dict[str, Any]:
        return {"owner": owner, "key": base64.b64encode((await keys.get(owner)).secret).decode()}

    @api.post("/internal/keys/{owner}")
    async def create_key(owner: str) -> dict[str, Any]:
        return {"owner": owner, "key": base64.b64encode((await keys.create(owner)).secret).decode()}

    return api
