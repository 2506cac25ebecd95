"""A gateway over stand-ins of the five services, on real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends

from common import errors
from common.contracts.jobs import PATHS
from common.filtering.conditions import holds
from common.filtering.fields import Field
from common.http import maintenance
from common.http.app import router
from common.http.guard import Guard
from common.http.paging import Listing, listing
from common.ports.record_store import Collection, Record
from common.records.lifecycle import NEW, Lifecycle
from common.records.repository import Repository
from common.runtime import Runtime
from common.service import Service
from gateway_service import bootstrap
from gateway_service.front import Front
from tests.runtimes import light_runtime

KINDS = {"training": "trn", "evaluation": "evl", "search": "srch"}
ALLOWED = ("127.0.0.1", "localhost", "[::1]")
NAMES = ("catalog", "training", "evaluation", "session", "storage")
_FIELDS = {
    name: Field(f"state.{name}", "time" if name == "created" else "text")
    for name in ("state", "session", "dataset", "algorithm", "created")
}


@dataclass
class World:
    """The gateway, its door, and what the stand-ins hold."""

    runtime: Runtime
    gateway: Service
    front: Front
    http: httpx.AsyncClient
    records: dict[str, Repository] = field(default_factory=dict)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    away: set[str] = field(default_factory=set)


def lifecycle(name: str) -> Lifecycle:
    table = {(NEW, f"{name}.made"): "made", ("made", f"{name}.changed"): "made"}
    return Lifecycle(record=name, transitions=table, changes={})


def job(kind: str, number: int, created: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{KINDS[kind]}_{number:032x}", "kind": kind, "state": "queued", "session": "ses_1",
        "trace_id": "0" * 32, "created": created, "dataset": "penguins@1", "algorithm": "svm", **more,
    }  # fmt: skip


def _jobs(world: World, kind: str) -> APIRouter:
    api = router()

    @api.get(PATHS[kind], name=f"list_{kind}")
    async def page(asked: Annotated[Listing, Depends(listing(_FIELDS, "-created"))]) -> dict[str, Any]:
        if kind in world.away:
            raise errors.Unavailable("away")
        records = [Record(each["id"], 1, "", each) for each in world.jobs[kind]]
        if asked.where is not None:
            records = [each for each in records if holds(asked.where, each.document())]
        newest_first = asked.sort[0].descending
        records.sort(key=lambda each: (each.state["created"], each.id), reverse=newest_first)
        if asked.after is not None:
            places = [each.place(asked.sort) for each in records]
            records = records[places.index(asked.after) + 1 :]
        return {
            "items": [each.state for each in records[: asked.limit]],
            "next": asked.next(records[: asked.limit + 1]),
        }

    @api.get(PATHS[kind] + "/{ref}", name=f"show_{kind}")
    @api.get("/internal/searches/{ref}" if kind == "search" else "/internal/jobs/{ref}", include_in_schema=False)
    async def show(ref: str) -> dict[str, Any]:
        for each in world.jobs[kind]:
            if each["id"].endswith(ref):
                return each
        raise errors.NotFound(f"there is no {kind} {ref!r}")

    return api


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with light_runtime(tmp_path) as runtime:
        gateway = bootstrap.build(runtime)
        apps: dict[str, Any] = {"gateway": gateway.app}
        front = Front(apps)
        transport = httpx.ASGITransport(app=Guard(front, ALLOWED), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470", timeout=20) as http:
            found = World(runtime, gateway, front, http)
            for name in NAMES:
                records = runtime.repository(Collection(f"{name}_things"), source=name, lifecycle=lifecycle(name))
                found.records[name] = records
                routers = [maintenance.routes(name, runtime, [records])]
                if name in KINDS:
                    routers.append(_jobs(found, name))
                if name == "training":
                    routers.append(_jobs(found, "search"))
                apps[name] = runtime.app(name, title=name, routers=routers)
            found.front = Front(apps)
            transport.app = Guard(found.front, ALLOWED)
            await runtime.start()
            yield found
