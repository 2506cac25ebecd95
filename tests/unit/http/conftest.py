"""A small service with one route of each kind, behind everything that every service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Query
from starlette.responses import StreamingResponse

from common import context, errors
from common.adapters import registry
from common.contracts.base import Command
from common.contracts.service import Readiness
from common.filtering.fields import Field
from common.http import calls
from common.http.app import create_app, router
from common.http.headers import IdempotencyKey, IfMatch, Wait, check_match
from common.http.paging import Listing, listing
from common.journal import Journal
from tests.factories import SERVICE_TOKEN, MovableLog

FIELDS = {"name": Field("state.name"), "size": Field("state.size", "number")}


class Thing(Command):
    """A body with one field of each simple kind."""

    name: str
    size: int = 0
    parameters: dict[str, Any] = {}


@dataclass
class World:
    """The service, its client, its journal and the log behind it."""

    app: FastAPI
    http: httpx.AsyncClient
    journal: Journal
    log: MovableLog
    ready: Readiness

    async def calls(self) -> list[dict[str, Any]]:
        """The data of the calls that were logged."""
        await self.journal.flush()
        return [entry.event["data"] for entry in await self.log.read(limit=100)]


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    api = router()
    raising: dict[str, Exception] = {one.code: one("as said", retry_after=2) for one in errors.all_classes()}
    raising["bug"] = ZeroDivisionError("a secret of the program")
    raising["bug in the text"] = UnicodeEncodeError("utf-8", "a secret", 0, 1, "surrogates not allowed")

    @api.post("/v1/things", status_code=201)
    async def make(thing: Thing) -> dict[str, Any]:
        calls.note(record="thing_1", payload=None)
        return thing.model_dump()

    @api.get("/v1/things/{thing}")
    async def show(thing: str, full: Annotated[bool, Query()] = False) -> dict[str, Any]:
        now = context.current()
        return {"thing": thing, "actor": now.actor, "trace": now.trace_id, "cause": now.causation, "full": full}

    @api.get("/v1/errors/{code}")
    async def fail(code: str) -> None:
        raise raising[code]

    @api.get("/v1/slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    @api.get("/v1/slow/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b"a", b"b"):
                yield piece

        return StreamingResponse(pieces())

    @api.get("/v1/late-stream")
    async def late() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise errors.IntegrityError("found in the middle")

        return StreamingResponse(pieces())

    @api.get("/v1/headers")
    async def headers(wait: Wait, key: IdempotencyKey) -> dict[str, Any]:
        return {"wait": wait, "key": key}

    @api.patch("/v1/versioned")
    async def change(match: IfMatch) -> dict[str, bool]:
        check_match(match, 3)
        return {"changed": True}

    @api.get("/v1/list")
    async def page(asked: Annotated[Listing, Depends(listing(FIELDS, "-size"))]) -> dict[str, Any]:
        return {"limit": asked.limit, "sort": [key.path for key in asked.sort], "filtered": asked.where is not None}

    @api.post("/internal/things/{thing}:touch")
    async def touch(thing: str) -> dict[str, str]:
        return {"actor": context.current().actor}

    ready = Readiness(ready=True, degraded=[])

    async def check() -> Readiness:
        return found.ready

    async with registry.event_log(f"sqlite://{tmp_path}/events.db") as inner:
        log = MovableLog(inner)
        async with Journal(tmp_path / "journal", log, limit=40_000) as journal:
            app = create_app(
                "things",
                title="things",
                routers=[api],
                journal=journal,
                secret=b"s" * 32,
                token=SERVICE_TOKEN,
                body_limit=2_000_000,
                deadline=getattr(request, "param", 20.0),
                mode="embedded",
                ready=check,
            )
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://things") as http:
                found = World(app, http, journal, log, ready)
                yield found
