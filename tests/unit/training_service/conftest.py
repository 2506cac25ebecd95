"""The training service with its neighbours, and a task runner without processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from common.ports.task_runner import TaskOutcome, TaskSpec
from common.runtime import Runtime
from common.service import Service
from tests.fake_services import FakeCatalogue, FakeSessions
from tests.fake_tasks import FakeTaskRunner
from tests.runtimes import http, light_runtime, running
from training_service import bootstrap

COLUMNS = [
    {"name": "species", "type": "category", "missing": 0, "distinct": 3},
    {"name": "mass", "type": "number", "missing": 2, "distinct": 90},
]
PENGUINS = {
    "id": "ds_1", "name": "penguins", "version": 1, "digest": "sha256:ab", "rows": 344, "columns": COLUMNS,
}  # fmt: skip


class ScoringTaskRunner(FakeTaskRunner):
    """Trainings are as good as their C, by both measures; with C = 13 they fail."""

    def _outcome(self, task: TaskSpec, asked: str) -> TaskOutcome:
        c = task.request["parameters"].get("C", 1.0)
        measures = {"test": {"balanced_accuracy": c / 100, "log_loss": c}, "train": {}}
        self.result = {**self.result, "measures": measures}
        return super()._outcome(task, "fail" if c == 13 else asked)


@dataclass
class World:
    """The training service with its neighbours."""

    runtime: Runtime
    service: Service
    http: httpx.AsyncClient
    sessions: FakeSessions
    tasks: FakeTaskRunner
    catalogue: FakeCatalogue

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """With a task worker."""
        (loop,) = self.service.task_loops.values()
        worker = asyncio.ensure_future(loop())
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with light_runtime(tmp_path, drain=0.05, slots=2, search_window=4) as runtime:
        tasks = ScoringTaskRunner(tmp_path)
        tasks.result = {**tasks.result, "artifact": {"digest": "sha256:" + "ab" * 32, "size": 5, "format": "skops"}}
        runtime.tasks = tasks
        sessions = FakeSessions(runtime)
        catalogue = FakeCatalogue(runtime, penguins=PENGUINS, ds_1=PENGUINS)
        service = bootstrap.build(runtime)
        await runtime.blobs.put_bytes("catalog/penguins/1.parquet", b"a table")
        await runtime.blobs.put_bytes("catalog/ds_1/1.parquet", b"a table")
        async with running(runtime, [service]), http(service) as client:
            yield World(runtime, service, client, sessions, tasks, catalogue)
