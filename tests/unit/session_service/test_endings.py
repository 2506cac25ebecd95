"""Discarding and expiring, and what is left afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common import errors, times
from common.records.repository import Decision
from session_service.keys import Keys
from session_service.model import KEYS as KEY_LIFE
from session_service.repository import KEYS

Stage = Any


async def _until(stage: Stage, session: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(5), stage.runtime.notifier.listening(session) as changed:
        while (found := await stage.show(session))["state"] != state:
            await changed.wait()
            changed.clear()
    return dict(found)


async def test_a_discarded_session_is_erased(stage: Stage) -> None:
    session = await stage.open(note="n")
    job = await stage.trained(session)
    failed = (await stage.trainings.submit(session)).id
    await stage.trainings.fail(failed)
    await stage.idle(session)
    answer = await stage.sessions.post(f"/v1/sessions/{session}:discard")
    assert (answer.status_code, answer.json()["state"], answer.json()["note"]) == (200, "discarded", None)
    assert (await stage.sessions.get(f"/v1/sessions/{session}/records")).status_code == 410
    assert (await stage.trainings.state(job))["removed"] == "discarded"
    assert (await stage.trainings.state(failed))["removed"] == "discarded"
    client = stage.runtime.client("session", caller="training")
    with pytest.raises(errors.Gone):
        await client.call("GET", f"/internal/keys/{session}")
    again = await stage.sessions.post(f"/v1/sessions/{session}:discard")
    assert (again.status_code, again.json()["state"]) == (200, "discarded")
    assert (await stage.commit(session)).json()["code"] == "session_closed"


async def test_discarding_cancels_open_jobs_first(stage: Stage) -> None:
    session = await stage.open()
    waiting = (await stage.trainings.submit(session)).id
    running = (await stage.trainings.submit(session)).id
    await stage.trainings.start(running)
    answer = await stage.sessions.post(f"/v1/sessions/{session}:discard", headers={"prefer": "wait=0"})
    assert answer.json()["state"] in ("discarding", "discarded")
    assert (await stage.trainings.state(waiting))["state"] == "cancelled"
    assert (await stage.trainings.state(running))["state"] == "cancelling"
    assert (await stage.show(session))["open_jobs"] == [running]
    with pytest.raises(errors.SessionClosed):
        await stage.trainings.submit(session)
    jobs = stage.trainings.handlers
    await jobs.finished(
        await jobs.jobs.decide(running, lambda _: Decision("training.cancelled", {"ended": times.now()}))
    )
    await _until(stage, session, "discarded")
    assert (await stage.trainings.state(running))["removed"] == "discarded"


async def test_a_session_expires_some_time_after_its_last_use(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    session = await stage.open(expires_in=3_600)
    job = await stage.trained(session)
    late = times.later(times.now(), 4_000)
    monkeypatch.setattr(times, "now", lambda: late)
    found = await _until(stage, session, "expired")
    assert found["expires"] is None
    assert (await stage.trainings.state(job))["removed"] == "expired"


async def test_a_result_for_a_closed_session_is_removed(stage: Stage) -> None:
    session = await stage.open()
    job = (await stage.trainings.submit(session)).id
    client = stage.runtime.client("session", caller="training")
    await client.call("POST", f"/internal/sessions/{session}:release", body={"job": job})
    await stage.trainings.start(job)
    await stage.sessions.post(f"/v1/sessions/{session}:discard")
    await _until(stage, session, "discarded")
    jobs = stage.trainings.handlers
    async with stage.runtime.notifier.listening(job):
        record = await jobs.jobs.decide(job, lambda _: Decision("training.succeeded", {"ended": times.now()}))
        await jobs.finished(record)
        async with asyncio.timeout(5):
            while not (await stage.trainings.state(job)).get("removed"):
                await asyncio.sleep(0)
    assert (await stage.show(session))["state"] == "discarded"


async def test_a_destroyed_key_that_a_backup_brings_back_is_destroyed_again(stage: Stage) -> None:
    runtime = stage.runtime
    keys = Keys(runtime.repository(KEYS, source="session", lifecycle=KEY_LIFE), runtime.keyring)
    await keys.create("ses_x")
    before = await runtime.store.get("keys", "key_ses_x")
    await keys.destroy("ses_x")
    await runtime.relay.ship()
    await runtime.store.delete("keys", "key_ses_x")
    await runtime.store.insert("keys", before)  # the backup from before
    assert (await keys.get("ses_x")).owner == "ses_x"
    assert await keys.destroy_again(runtime.log) == 1
    with pytest.raises(errors.Gone):
        await keys.get("ses_x")
    assert "wrapped" not in (await runtime.store.get("keys", "key_ses_x")).envelope
    assert await keys.destroy_again(runtime.log) == 0
