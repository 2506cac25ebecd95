from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.runtime import Runtime
from common.service import Service
from session_service import bootstrap as session_bootstrap
from storage_service import bootstrap as storage_bootstrap
from tests.jobs_for_tests import TestJobs
from tests.runtimes import http, light_runtime, running


@dataclass
class Stage:
    """The session service with its neighbours: real storage, and jobs that the test ends."""

    runtime: Runtime
    session: Service
    storage: Service
    trainings: TestJobs
    evaluations: TestJobs
    sessions: httpx.AsyncClient
    experiments: httpx.AsyncClient

    async def open(self, **body: Any) -> str:
        answer = await self.sessions.post("/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def show(self, session: str) -> dict[str, Any]:
        answer = await self.sessions.get(f"/v1/sessions/{session}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def idle(self, session: str) -> dict[str, Any]:
        """The session once it has taken in all that has ended."""
        async with asyncio.timeout(5), self.runtime.notifier.listening(session) as changed:
            while (found := await self.show(session))["open_jobs"]:
                await changed.wait()
                changed.clear()
        return found

    async def trained(self, session: str, **told: Any) -> str:
        """A training that has succeeded and is in its session."""
        job = (await self.trainings.submit(session)).id
        await self.trainings.succeed(job, **told)
        await self.idle(session)
        return job

    async def evaluated(self, session: str, training: str, **told: Any) -> str:
        job = (await self.evaluations.submit(session, training=training)).id
        await self.evaluations.succeed(job, **told)
        await self.idle(session)
        return job

    async def records(self, session: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.sessions.get(f"/v1/sessions/{session}/records", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def commit(self, session: str, wait: int = 8, **body: Any) -> httpx.Response:
        return await self.sessions.post(f"/v1/sessions/{session}:commit", json=body, headers={"prefer": f"wait={wait}"})


def staged(runtime: Runtime) -> Stage:
    session, storage = session_bootstrap.build(runtime), storage_bootstrap.build(runtime)
    trainings, evaluations = TestJobs(runtime, "training"), TestJobs(runtime, "evaluation")
    return Stage(runtime, session, storage, trainings, evaluations, http(session), http(storage))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with light_runtime(tmp_path) as runtime:
        found = staged(runtime)
        async with running(runtime, [found.session, found.storage]), found.sessions, found.experiments:
            yield found
