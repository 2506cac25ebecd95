"""Waiting for a record without asking again and again."""

from __future__ import annotations

import asyncio
import time

import pytest

from common import notifier
from common.notifier import Notifier
from tests.eventually import until


async def test_who_waits_wakes_at_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_POLL", 60.0)
    found: dict[str, int] = {}
    looks = 0

    async def look() -> int | None:
        nonlocal looks
        looks += 1
        return found.get("a")

    bells = Notifier()
    waiting = [asyncio.create_task(bells.until("a", look, 30)) for _ in range(3)]
    await until(lambda: looks == 3)
    found["a"] = 7
    bells.ring("b")
    bells.ring("a")
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [7, 7, 7]
    assert looks == 6
    assert not bells._waiting


async def test_a_lost_bell_costs_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_POLL", 0.01)
    answers = iter([None, None, "there"])

    async def look() -> str | None:
        return next(answers)

    assert await Notifier().until("a", look, 30) == "there"


async def test_none_at_the_end_of_the_time_and_nobody_is_left_waiting() -> None:
    async def never() -> None:
        return None

    bells = Notifier()
    started = time.monotonic()
    assert await bells.until("a", never, 0.05) is None
    assert 0.04 < time.monotonic() - started < 1
    assert await bells.until("a", never, 0) is None
    assert not bells._waiting


async def test_a_ring_while_looking_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_POLL", 60.0)
    bells = Notifier()
    written: list[str] = []

    async def look() -> str | None:
        seen = list(written)
        if not written:
            written.append("meanwhile")
            bells.ring("a")
        return seen[0] if seen else None

    assert await asyncio.wait_for(bells.until("a", look, 30), 5) == "meanwhile"


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    bells = Notifier()

    async def never() -> None:
        return None

    waiting = asyncio.create_task(bells.until("a", never, 30))
    await until(lambda: bells._waiting)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not bells._waiting
