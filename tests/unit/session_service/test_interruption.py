"""A process that dies at any write of a commit or a discard: the next one finishes the work, and nothing is twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from common.ports.record_store import RecordStore
from common.records import verification
from session_service.clients import Storage
from tests.runtimes import light_runtime, running
from tests.unit.session_service.conftest import Stage, staged

MANY = 60
_WRITES = ("insert", "append", "put_view")


class Killed(BaseException):
    """The process is gone."""


class Guillotine:
    """Kills at the n-th write, before it happens or just after; every later write of that process fails too."""

    def __init__(self, store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes, self.at, self.after, self.dead = 0, 0, False, False
        for name in _WRITES:
            monkeypatch.setattr(store, name, self._cutting(getattr(store, name)))

    def arm(self, at: int, *, after: bool) -> None:
        self.writes, self.at, self.after, self.dead = 0, at, after, False

    def disarm(self) -> None:
        self.at, self.dead = 0, False

    def _cutting(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def write(*args: Any, **kwargs: Any) -> Any:
            self.writes += 1
            number = self.writes  # others write meanwhile
            if self.dead or (number == self.at and not self.after):
                self.dead = True
                raise Killed
            found = await real(*args, **kwargs)
            if number == self.at:
                self.dead = True
                raise Killed
            return found

        return write


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[Stage]:
    """Without loops: the test decides who works when."""
    async with light_runtime(tmp_path) as runtime:
        found = staged(runtime)
        async with running(runtime, [found.session, found.storage], loops=False), found.sessions, found.experiments:
            yield found


async def _filled(stage: Stage) -> str:
    session = await stage.open(note="n")
    arrivals = stage.session.app.state.events.arrivals
    training = (await stage.trainings.submit(session)).id
    await stage.trainings.succeed(training)
    await arrivals.ended(training)
    evaluation = (await stage.evaluations.submit(session, training=training)).id
    await stage.evaluations.succeed(evaluation)
    await arrivals.ended(evaluation)
    return session


async def _proceed(stage: Stage, session: str) -> None:
    events = stage.session.app.state.events
    record = await events.sessions.repository.get(session)
    work = events.commitment if record.state["state"] == "committing" else events.erasure
    await work.proceed(record)


async def _killed_everywhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, verb: str, *, after: bool
) -> AsyncIterator[str]:
    """Sessions that were brought to their end after a kill at the first, second, … write, until none was needed."""
    blade = Guillotine(stage.runtime.store, monkeypatch)
    at = 0
    while True:
        at += 1
        session = await _filled(stage)
        await stage.sessions.post(f"/v1/sessions/{session}:{verb}", json={}, headers={"prefer": "wait=0"})
        blade.arm(at, after=after)
        try:
            await _proceed(stage, session)
            survived = True
        except Killed:
            survived = False
        blade.disarm()
        if not survived and (await stage.show(session))["state"] in ("committing", "discarding"):
            await _proceed(stage, session)
        yield session
        if survived:
            break


async def _verified(stage: Stage) -> None:
    for service in (stage.session, stage.storage, stage.trainings.service, stage.evaluations.service):
        found = await verification.verify(service.repositories, stage.runtime.log, service.name)
        assert found.documents() == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_commit_ends_whatever_write_it_dies_at(
    quiet: Stage, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    tried = 0
    async for session in _killed_everywhere(quiet, monkeypatch, "commit", after=after):
        tried += 1
        shown = await quiet.show(session)
        assert shown["state"] == "committed"
        answer = await quiet.experiments.get("/v1/experiments", params={"filter": f"session = {session}"})
        listed = answer.json()["items"]
        assert sorted(one["id"] for one in listed) == sorted(shown["experiments"])
        assert len(listed) == 1
        for one in listed:
            full = (await quiet.experiments.get(f"/v1/experiments/{one['id']}")).json()
            assert full["result"]["measures"] == {"f1": 0.9}
            assert len(full["evaluations"]) == 1
            assert (await quiet.trainings.state(one["training"]))["experiment"] == one["id"]
    assert tried > 10  # the commit really has many places to die at
    await _verified(quiet)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_discard_ends_whatever_write_it_dies_at(
    quiet: Stage, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    async for session in _killed_everywhere(quiet, monkeypatch, "discard", after=after):
        assert (await quiet.show(session))["state"] == "discarded"
        for jobs in (quiet.trainings, quiet.evaluations):
            page = await jobs.handlers.jobs.page(limit=500)
            ours = [one.state for one in page if one.state["session"] == session]
            assert [one["removed"] for one in ours] == ["discarded"]
    await _verified(quiet)


async def test_nothing_is_visible_until_the_commit_is_sealed(quiet: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await _filled(quiet)
    await quiet.sessions.post(f"/v1/sessions/{session}:commit", json={}, headers={"prefer": "wait=0"})
    real, seen = Storage.seal, []

    async def visible() -> list[int]:
        listed = (await quiet.experiments.get("/v1/experiments")).json()["items"]
        exported = (await quiet.experiments.get("/v1/experiments:export")).json()
        rows = await quiet.runtime.store.find("experiment_summaries", limit=10)
        shown = [(await quiet.experiments.get(f"/v1/experiments/{row.id}")).status_code == 200 for row in rows]
        return [len(listed), len(exported), sum(shown)]

    async def watched(self: Storage, commit: str) -> None:
        seen.append(await visible())
        await real(self, commit)
        seen.append(await visible())

    monkeypatch.setattr(Storage, "seal", watched)
    await _proceed(quiet, session)
    assert seen == [[0, 0, 0], [1, 1, 1]]


async def test_a_session_of_dozens_of_trainings_commits(stage: Stage) -> None:
    session = await stage.open()
    arrivals = stage.session.app.state.events.arrivals

    async def one(number: int) -> None:
        job = (await stage.trainings.submit(session)).id
        await stage.trainings.succeed(job, f1=number / MANY, ring=False, artifact=False)
        await arrivals.ended(job)

    for start in range(0, MANY, 20):
        await asyncio.gather(*(one(number) for number in range(start, start + 20)))
    best = await stage.records(session, sort="-measures.f1", limit=3)
    assert [record["summary"]["measures"]["f1"] for record in best] == [(MANY - place) / MANY for place in (1, 2, 3)]
    answer = await stage.commit(session, wait=50)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["experiments"]) == MANY
