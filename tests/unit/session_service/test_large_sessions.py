"""A session of thousands of trainings: listed, compared, committed, discarded, and true to its log at the end.

`AUTOLEARN_TEST_RECORDS=10000` makes it as large as a session may be, as `make test-faults` does; the default keeps the
test short.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from common.concurrency import each
from common.filtering.conditions import Comparison
from common.records import verification
from common.records.event import canonical
from session_service.repository import RECORDS as RECORDED
from session_service.repository import record_id
from tests.unit.session_service.conftest import Stage

RECORDS = int(os.environ.get("AUTOLEARN_TEST_RECORDS", "600"))
EVENT_LIMIT = 256 * 1024
MEMORY_LIMIT = 128 * 2**20
pytestmark = pytest.mark.timeout(60 + RECORDS // 10)
_ARRIVED = ("dataset", "dataset_id", "algorithm", "created", "started", "ended", "trace_id")


async def _full(stage: Stage) -> str:
    """A session that holds `RECORDS` trainings."""
    session = await stage.open()
    records = next(one for one in stage.session.repositories if one.name == RECORDED.name)

    async def one(number: int) -> None:
        job = await stage.trainings.finished(session, f1=(number * 7_919 % RECORDS) / RECORDS)
        data = {name: job.state[name] for name in _ARRIVED}
        data |= {"session": session, "job": job.id, "kind": "training", "outcome": "succeeded"}
        data |= {"recorded": job.state["ended"], "sealed": {"summary": job.state["sealed"]["summary"]}}
        await records.create(record_id(session, job.id), "session.record_added", data)

    await each(range(RECORDS), one)
    await stage.runtime.relay.ship()
    return session


async def _ended(stage: Stage, session: str) -> dict[str, Any]:
    async with asyncio.timeout(600), stage.runtime.notifier.listening(session) as changed:
        while (found := await stage.show(session))["state"] in ("committing", "discarding"):
            await changed.wait()
            changed.clear()
    return found


async def _true_to_the_log(stage: Stage) -> None:
    await stage.runtime.relay.ship()
    for service in (stage.session, stage.storage, stage.trainings.service):
        found = await verification.verify(service.repositories, stage.runtime.log, service.name)
        assert found.documents() == []


@dataclass
class Watched:
    """Seconds of computing between two turns that a task of the event loop was given, and the process's memory."""

    turns: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    @property
    def grown(self) -> int:
        """Bytes above what was resident first."""
        return max(self.resident) - self.resident[0]


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    found, process = Watched(), psutil.Process()

    async def watch() -> None:
        while True:
            before = time.thread_time()  # not of the clock: other processes may need the machine
            await asyncio.sleep(0.001)
            found.turns.append(time.thread_time() - before)
            found.resident.append(process.memory_info().rss)

    watching = asyncio.create_task(watch())
    yield found
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_it_is_listed_and_committed_as_a_small_one_is(stage: Stage, watched: Watched) -> None:
    session = await _full(stage)
    watched.turns.clear()
    watched.resident.clear()
    best = await stage.records(session, sort="-measures.f1", limit=3)
    assert [one["summary"]["measures"]["f1"] for one in best] == [(RECORDS - place) / RECORDS for place in (1, 2, 3)]
    started = time.monotonic()
    some = await stage.records(session, sort="measures.f1", filter="measures.f1 >= 0.5", limit=500)
    assert time.monotonic() - started < stage.runtime.settings.deadline
    assert len(some) == min(500, RECORDS // 2) and some[0]["summary"]["measures"]["f1"] == 0.5
    refused = await stage.sessions.get(f"/v1/sessions/{session}:compare")
    assert refused.status_code == 409 and "side by side" in refused.json()["detail"]

    assert (await stage.commit(session, wait=1)).status_code in (200, 202)
    shown = await _ended(stage, session)
    assert shown["state"] == "committed" and len(set(shown["experiments"])) == RECORDS
    assert sorted(watched.turns)[-5] < 0.1  # nobody else had to wait
    assert watched.grown < MEMORY_LIMIT
    assert await stage.runtime.store.count("experiments") == RECORDS
    page = (await stage.experiments.get("/v1/experiments", params={"sort": "-measures.f1", "limit": 1})).json()
    assert page["items"][0]["id"] in shown["experiments"]
    await _true_to_the_log(stage)
    events = await stage.runtime.log.query(where=Comparison("record", "=", session), limit=100)
    assert max(len(canonical(logged.event)) for logged in events) < EVENT_LIMIT


async def test_it_is_discarded_as_a_small_one_is(stage: Stage) -> None:
    session = await _full(stage)
    await stage.sessions.post(f"/v1/sessions/{session}:discard")
    assert (await _ended(stage, session))["state"] == "discarded"
    page = await stage.trainings.handlers.jobs.page(limit=RECORDS)
    assert len(page) == RECORDS
    assert {(one.state["removed"], len(one.state["sealed"])) for one in page} == {("discarded", 0)}
    await _true_to_the_log(stage)
