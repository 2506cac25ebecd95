"""A catalogue of its own for each test, with services that refer to nothing unless told otherwise.

Only the fork server is shared by the tests of a module: loading scikit-learn takes longer than all of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from catalog_service import bootstrap
from common import errors
from common.adapters import registry
from common.adapters.keyring.file import FileKeyring
from common.adapters.task_runner.process import ProcessTaskRunner
from common.http.app import router
from common.journal import Journal
from common.ports.task_runner import TaskRunner, TaskSpec
from common.runtime import TASKS, Runtime
from common.service import Service
from common.settings import Settings


@dataclass
class Catalog:
    """The service, a client on it, and what the other services say they use."""

    runtime: Runtime
    service: Service
    http: httpx.AsyncClient
    used: dict[str, list[str]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)

    async def upload(self, name: str, content: bytes, **query: Any) -> httpx.Response:
        return await self.http.post("/v1/datasets", params={"name": name, **query}, content=content)

    def internal(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.runtime.service_token}"}

    def files(self) -> list[str]:
        """What uploads have left on the disk."""
        return sorted(path.name for path in (self.runtime.settings.data / "uploads").iterdir())

    async def blobs(self) -> list[str]:
        return sorted([blob.name async for blob in self.runtime.blobs.list("catalog/")])


def _referrers(catalog: Catalog, name: str) -> Any:
    api = router()

    @api.post("/internal/datasets/{dataset}:referrers")
    async def referrers(dataset: str) -> dict[str, Any]:
        if name in catalog.away:
            raise errors.Unavailable("away")
        found = catalog.used.get(f"{name} {dataset}", [])
        return {"referrers": found[:20], "count": len(found)}

    return api


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", slots=2, upload_limit=1_000_000, blob_grace=0.001, deadline=20)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TaskRunner]:
    functions = tuple(name for name in TASKS if name.startswith("catalog_service"))
    preload = tuple({name.partition(":")[0] for name in functions})
    async with ProcessTaskRunner(tmp_path_factory.mktemp("work"), functions=functions, preload=preload) as opened:
        # The first task waits until everything is loaded: here, not in the test that happens to be the first.
        task = TaskSpec(
            "first",
            "catalog_service.tasks.builtin:run",
            {"name": "wine"},
            bytes(32),
            plain_outputs=frozenset({"upload"}),
        )
        async with await opened.run(task, on_progress=lambda _: None, on_output=lambda _: None) as outcome:
            assert outcome.problem is None
        yield opened


@contextlib.asynccontextmanager
async def _runtime(settings: Settings, runner: TaskRunner) -> AsyncIterator[Runtime]:
    data = settings.data
    data.mkdir()
    async with (
        registry.record_store(f"sqlite://{data}/records.db") as store,
        registry.event_log(f"sqlite://{data}/events.db") as log,
        registry.message_bus("local:") as bus,
        registry.blob_store(f"file://{data}/blobs") as blobs,
        Journal(data / "journal", log, limit=2**24) as journal,
    ):
        keyring = FileKeyring(data / "master.key")
        runtime = Runtime(
            settings, store=store, log=log, bus=bus, blobs=blobs, tasks=runner, keyring=keyring, journal=journal
        )
        yield runtime
        await runtime.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def catalog(settings: Settings, runner: TaskRunner) -> AsyncIterator[Catalog]:
    async with _runtime(settings, runner) as runtime:
        service = bootstrap.build(runtime)
        transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://catalog", timeout=30) as http:
            found = Catalog(runtime, service, http)
            for name in ("training", "evaluation", "storage"):
                runtime.app(name, title=name, routers=[_referrers(found, name)])
            await runtime.start()
            assert service.start is not None
            await service.start()
            yield found
