"""The jobs of one kind over real stores, with tasks that the test commands, and a worker that runs beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.jobs import routes
from common.jobs.events import JobEvents
from common.jobs.handlers import JobHandlers, Submission
from common.jobs.worker import TaskWorker, Work
from common.ports.record_store import Record
from common.records.sealing import DataKey
from common.runtime import Runtime
from common.service import Service
from tests.eventually import until
from tests.factories import SERVICE_TOKEN
from tests.fake_services import FakeSessions
from tests.fake_tasks import FakeTaskRunner
from tests.runtimes import http, light_runtime, running

RESULT_ARTIFACT = {"digest": "sha256:" + "ab" * 32, "size": 5, "format": "skops"}


@dataclass
class Jobs:
    """Trainings with everything around them."""

    runtime: Runtime
    handlers: JobHandlers
    sessions: FakeSessions
    tasks: FakeTaskRunner
    http: httpx.AsyncClient
    worker: TaskWorker
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    async def submit(self, session: str = "ses_1", *, key: str | None = None, **request: Any) -> str:
        """A job that waits in the queue."""
        plain = {"dataset": "penguins@1", "dataset_id": "ds_1", "algorithm": "svm"}
        marks = self.handlers.fingerprints(key, request)
        return (await self.handlers.submit(Submission(session, request, plain), marks)).id

    def another_worker(self) -> TaskWorker:
        """One more worker on the same records."""

        @contextlib.asynccontextmanager
        async def prepare(record: Record, key: DataKey, request: Mapping[str, Any]) -> AsyncIterator[Work]:
            yield Work(request, sealed_outputs=("artifact",))

        def summarise(request: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
            return {"measures": result["measures"]["test"]}

        return TaskWorker(self.handlers, function="a:run", prepare=prepare, summarise=summarise)

    def work(self, worker: TaskWorker | None = None) -> asyncio.Task[None]:
        """Let the worker, or another one, run beside the test."""
        task = asyncio.create_task((worker or self.worker).run())
        self.workers.append(task)
        return task

    async def stop(self) -> None:
        """Stop the workers as at the end of the platform."""
        for task in self.workers:
            task.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        self.workers.clear()

    async def record(self, job: str) -> Record:
        return await self.handlers.jobs.get(job)

    async def state(self, job: str) -> str:
        return str((await self.record(job)).state["state"])

    async def reaches(self, job: str, *states: str) -> Record:
        """The record once it is in one of the states."""

        async def look() -> Record | None:
            record = await self.record(job)
            return record if record.state["state"] in states else None

        found: Record = await until(look, 10)
        return found

    async def shown(self, job: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/trainings/{job}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def names(self, job: str) -> list[str]:
        """The events of the job, shipped or not, by their last word."""
        assert self.runtime.relay
        await self.runtime.relay.ship()
        events = [entry.event for entry in await self.runtime.log.read(limit=10_000, topic="state")]
        return [event["type"].split(".")[2] for event in events if event["subject"] == job]


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test wants to be set differently."""
    return {}


@pytest.fixture
async def jobs(tmp_path: Path, settings: dict[str, Any]) -> AsyncIterator[Jobs]:
    told = {"slots": 2, "drain": 0.05, "lease": 30.0, "service_token": SERVICE_TOKEN, **settings}
    async with light_runtime(tmp_path, **told) as runtime:
        tasks = FakeTaskRunner(tmp_path)
        tasks.result = {"measures": {"test": {"f1": 0.9}}, "artifact": RESULT_ARTIFACT}
        runtime.tasks = tasks
        sessions = FakeSessions(runtime, "ses_1", "ses_2")
        handlers = JobHandlers(runtime, "training", runtime.client("session", caller="training"))
        parts = [routes.artifact_of(handlers), routes.public(handlers), routes.internal(handlers)]
        app = runtime.app("training", title="trainings", routers=parts)
        app.state.jobs = handlers
        events = JobEvents(handlers)
        loops = {"listen": events.listen, "sweep": events.sweep}
        service = Service("training", app, [handlers.jobs], event_loops=loops)
        async with running(runtime, [service]), http(service) as client:
            found = Jobs(runtime, handlers, sessions, tasks, client, None)  # type: ignore[arg-type]
            found.worker = found.another_worker()
            yield found
            await found.stop()
