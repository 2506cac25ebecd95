"""The REST routes that every kind of job has, public and internal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.routing import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from starlette.responses import JSONResponse, StreamingResponse

from common import errors
from common.contracts.base import Command, Page
from common.contracts.jobs import PATHS, Job
from common.http import endless
from common.http.app import router
from common.http.headers import Wait
from common.http.paging import Listing, listing
from common.jobs import repository
from common.jobs.artifacts import Artifact
from common.jobs.following import Follower
from common.jobs.handlers import JobHandlers
from common.jobs.model import terminal
from common.jobs.views import plain
from common.ports.record_store import Record

AT_MOST = 200
"""Jobs that one call of another service may be about."""


class Identifiers(Command):
    """Some jobs by their full ids."""

    ids: Annotated[list[str], Field(max_length=AT_MOST)]


class Commitment(Command):
    """Some jobs with the experiment that each became part of."""

    experiments: Annotated[dict[str, str], Field(max_length=AT_MOST)]


class Removal(Identifiers):
    """Why these jobs go: dropped, discarded, expired, or left behind by a session that is committed."""

    reason: str


async def accepted(handlers: JobHandlers, record: Record, wait: float, *, replayed: bool) -> Response:
    """The answer to a submission: 200 once it has ended within `wait` seconds, else 202; with its `Location`."""
    record = await handlers.ended(record, wait)
    job = await handlers.views.full(record)
    headers = {"Location": f"{PATHS[handlers.kind]}/{record.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    done = wait > 0 and terminal(record.state)
    return JSONResponse(job.model_dump(mode="json"), status_code=200 if done else 202, headers=headers)


def public(handlers: JobHandlers) -> APIRouter:
    """List, show, follow, read and cancel."""
    kind = handlers.kind
    base = PATHS[kind]
    routes = router(tags=[f"{kind}s"])
    follower = Follower(handlers)

    @routes.get(base, name=f"list_{kind}s")
    async def list_jobs(asked: Annotated[Listing, Depends(listing(repository.FIELDS, "-created"))]) -> Page[Job]:
        found = await handlers.jobs.page(**asked.query(), without=("sealed",))
        return Page[Job](items=[plain(kind, one) for one in found[: asked.limit]], next=asked.next(found))

    @routes.get(base + "/{reference}", name=f"show_{kind}")
    async def show(reference: str, wait: Wait) -> Job:
        return await handlers.views.full(await handlers.ended(await handlers.get(reference), wait))

    @routes.get(base + "/{reference}/progress", name=f"{kind}_progress", response_class=EventSourceResponse)
    async def progress(record: Annotated[Record, Depends(found)]) -> AsyncIterator[ServerSentEvent]:
        async for event, data in follower.events(record.id):
            yield ServerSentEvent(event=event, data=data)

    @routes.get(base + "/{reference}/output", name=f"{kind}_output", response_class=Response)
    async def output(
        record: Annotated[Record, Depends(found)],
        follow: Annotated[bool, Query(description="Until the job ends")] = False,
    ) -> Response:
        if follow:
            headers = {endless.MARK[0].decode(): endless.MARK[1].decode()}
            return StreamingResponse(
                follower.output(record.id), media_type="text/plain; charset=utf-8", headers=headers
            )
        left_out, text = await handlers.views.output(record)
        note = f"[{left_out} bytes before are not kept]\n".encode() if left_out else b""
        return Response(note + text, media_type="text/plain; charset=utf-8")

    @routes.post(base + "/{reference}:cancel", name=f"cancel_{kind}")
    async def cancel(reference: str) -> Response:
        record = await handlers.cancel(reference)
        job = await handlers.views.full(record) if not record.state.get("experiment") else plain(kind, record)
        return JSONResponse(job.model_dump(mode="json"), status_code=200 if terminal(record.state) else 202)

    return routes


async def found(reference: str, request: Request) -> Record:
    """The job of the path, before a stream begins: one that is unknown or gone is a problem, not a broken stream."""
    handlers: JobHandlers = request.app.state.jobs
    record = await handlers.get(reference)
    await handlers.views.full(record)
    return record


def artifact_of(handlers: JobHandlers) -> APIRouter:
    """Download of the artifact, for the kind of job that makes one."""
    routes = router(tags=[f"{handlers.kind}s"])

    @routes.get(
        f"/v1/{handlers.kind}s/{{reference}}/artifact", name=f"{handlers.kind}_artifact", response_class=Response
    )
    async def download(reference: str) -> Response:
        record = await handlers.get(reference)
        job = await handlers.views.full(record)
        if job.experiment:
            raise errors.Gone(
                f"it is the artifact of {job.experiment} now: GET /v1/experiments/{job.experiment}/artifact"
            )
        if not job.result:
            raise errors.NotReady(f"{record.id} is {job.state} and has no artifact")
        key = await handlers.keys.get(record.state["session"])
        stored = Artifact.of_job(record, key, job.result["artifact"])
        return StreamingResponse(
            await stored.begun(handlers.runtime.blobs), media_type="application/octet-stream", headers=stored.headers()
        )

    return routes


def internal(handlers: JobHandlers) -> APIRouter:
    """What the other services ask: raw records, states, and the ends of a session; what runs, what is used."""
    routes = records(handlers, "/internal/jobs")

    @routes.get("/internal/jobs:load")
    async def load() -> dict[str, int]:
        """For who starts and stops task workers: jobs that wait or run, and those of them that wait."""
        jobs = handlers.jobs
        return {"open": await repository.unfinished(jobs), "waiting": await repository.queued(jobs)}

    @routes.post("/internal/datasets/{dataset}:referrers")
    async def referrers(dataset: str) -> dict[str, Any]:
        some, count = await handlers.using(dataset)
        return {"referrers": some, "count": count}

    return routes


def records(handlers: JobHandlers, base: str) -> APIRouter:
    """Jobs of one kind as the session service works with them, below `base`."""
    routes = router(include_in_schema=False)

    @routes.get(base + "/{reference}")
    async def raw(reference: str) -> dict[str, Any]:
        record = await handlers.get(reference)
        return {"id": record.id, "version": record.version, "state": record.state}

    @routes.post(base + ":states")
    async def states(asked: Identifiers) -> dict[str, Any]:
        return {"states": await handlers.states(asked.ids)}

    @routes.post(base + ":fetch")
    async def fetch(asked: Identifiers) -> Response:
        return JSONResponse({"jobs": await handlers.fetch(asked.ids)})

    @routes.post(base + ":commit", status_code=204)
    async def commit(asked: Commitment) -> None:
        await handlers.commit_all(asked.experiments)

    @routes.post(base + ":remove", status_code=204)
    async def remove(asked: Removal) -> None:
        await handlers.remove_all(asked.ids, asked.reason)

    @routes.post(base + "/{identifier}:cancel")
    async def cancel(identifier: str) -> dict[str, Any]:
        return {"state": (await handlers.cancel(identifier)).state["state"]}

    return routes
