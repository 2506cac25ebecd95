"""The runtime: one process per folder, no start without the master key, and readiness that tells the truth."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from common import errors, runtime
from common.folder_lock import locked
from common.ports.record_store import Collection
from common.runtime import Runtime
from common.settings import Settings
from tests.factories import COUNTER, logged
from tests.runtimes import light_runtime

_SIZES = ("f_bavail", "f_bfree", "f_blocks", "f_frsize")


@pytest.fixture
async def light(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with light_runtime(tmp_path) as opened:
        yield opened


async def test_a_full_disk_is_told_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_MIN_FREE", 2**62)
    with pytest.raises(errors.StorageFull):
        async with runtime.open_runtime(Settings(data=tmp_path)):
            raise AssertionError("unreachable")
    with locked(tmp_path):
        pass  # the lock went with the refusal


async def test_records_made_through_it_are_in_the_log_after_stopping(light: Runtime) -> None:
    counters = light.repository(Collection("counters"), source="tests", lifecycle=COUNTER)
    await light.start()
    await counters.create("ctr_1", "counter.made", {})
    await light.stop()
    assert [event["subject"] for event in await logged(light.log, "state")] == ["ctr_1"]


async def test_ready_says_what_is_missing(light: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    light.repository(Collection("counters"), source="tests", lifecycle=COUNTER)
    await light.start()
    assert (await light.readiness()).ready
    assert light.relay
    light.relay.behind = True
    found = await light.readiness()
    assert found.ready and len(found.degraded) == 1
    monkeypatch.setattr(runtime, "_MIN_FREE", 2**62)
    found = await light.readiness()
    assert not found.ready and "disk is full" in found.degraded


async def test_engines_that_are_away_are_told_and_do_not_close_the_door(
    light: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await light.start()

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(light.bus, "reach", never)
    monkeypatch.setattr(runtime, "_ANSWERS", 0.01)
    await light.blobs.close()
    said = await light.readiness()
    assert said.ready
    bus, blobs = said.degraded
    assert bus.startswith("message bus is away") and bus.endswith("no answer in 0.01 s")
    assert blobs.startswith("blob store is away") and "not open" in blobs


async def test_a_disk_that_has_become_read_only_is_told(light: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    await light.start()
    found = os.statvfs(light.settings.data)
    told = SimpleNamespace(f_flag=found.f_flag | os.ST_RDONLY, **{name: getattr(found, name) for name in _SIZES})
    monkeypatch.setattr(os, "statvfs", lambda _: told)
    said = await light.readiness()
    assert not said.ready and "disk is read-only" in said.degraded[0]


async def test_a_service_that_is_not_there_is_an_error_not_a_wait(light: Runtime) -> None:
    with pytest.raises(errors.AutoLearnError):
        await light.client("nobody", caller="tests").call("GET", "/v1/info")
