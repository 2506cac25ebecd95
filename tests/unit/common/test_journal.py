"""The call journal: nothing that was begun is lost, whatever the log and the disk do."""

from __future__ import annotations

import asyncio
import errno
import os
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from common import errors, journal
from common.adapters import registry
from common.journal import Journal
from tests.eventually import until
from tests.factories import MovableLog, call, logged


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[MovableLog]:
    async with registry.event_log(f"sqlite://{tmp_path}/events.db") as inner:
        yield MovableLog(inner)


def made(tmp_path: Path, log: MovableLog, **options: Any) -> Journal:
    return Journal(tmp_path / "journal", log, **{"limit": 2**24, **options})


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "journal").glob("*"))


async def killed(opened: Journal) -> None:
    """What is left of a journal when its process is killed: the files, and nothing else happens."""
    assert opened._task
    opened._task.cancel()
    await asyncio.gather(opened._task, return_exceptions=True)
    for segment in opened._segments:
        os.close(segment.descriptor)


async def outcomes(log: MovableLog) -> list[tuple[str, Any]]:
    return [(event["id"], event["data"].get("outcome")) for event in await logged(log)]


async def test_calls_are_shipped_in_the_order_of_their_ends(tmp_path: Path, log: MovableLog) -> None:
    calls = [call(number) for number in range(20)]
    async with made(tmp_path, log) as opened:
        for one in calls:
            opened.begin(one)
        for one in reversed(calls):
            opened.end({**one, "data": {"outcome": "ok"}})
        await opened.flush()
        assert await outcomes(log) == [(one["id"], "ok") for one in reversed(calls)]
        assert [one["id"] for one in opened.recent] == [one["id"] for one in reversed(calls)]
    assert files(tmp_path) == []


async def test_what_was_begun_before_a_kill_is_unknown_afterwards(tmp_path: Path, log: MovableLog) -> None:
    log.away = True
    first = await made(tmp_path, log).__aenter__()
    first.begin(call(1, route="/v1/trainings"))
    first.begin(call(2))
    first.end({**call(2), "data": {"outcome": "ok"}})
    await killed(first)
    log.away = False
    with structlog.testing.capture_logs() as told:
        async with made(tmp_path, log):
            assert await outcomes(log) == [(call(2)["id"], "ok"), (call(1)["id"], "unknown")]
    assert [(one["event"], one["calls"]) for one in told] == [("calls without an end found", 1)]
    assert (await logged(log))[1]["data"]["route"] == "/v1/trainings"
    assert files(tmp_path) == []


async def test_a_torn_line_is_dropped_and_reported(tmp_path: Path, log: MovableLog) -> None:
    first = await made(tmp_path, log).__aenter__()
    log.away = True
    for number in (1, 2):
        first.begin(call(number))
        first.end({**call(number), "data": {"outcome": "ok"}})
    await killed(first)
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-5])
    log.away = False
    with structlog.testing.capture_logs() as told:
        async with made(tmp_path, log):
            assert await outcomes(log) == [(call(1)["id"], "ok"), (call(2)["id"], "unknown")]
    assert [one["line"] for one in told if one["event"] == "torn journal line dropped"] == [4]


@pytest.mark.parametrize("line", [b"\n", b"short\n", b"zzzzzzzz {}\n", b"00000000 {}\n", b"\xff\x00\n"])
def test_no_line_whose_sum_does_not_fit_is_read(tmp_path: Path, line: bytes) -> None:
    good = b"%08x {}\n" % zlib.crc32(b"{}")
    (tmp_path / "a").write_bytes(line + good)
    with structlog.testing.capture_logs() as told:
        assert journal._entries(tmp_path / "a") == [{}]
    assert len(told) == 1


async def test_a_log_that_is_away_costs_no_call(tmp_path: Path, log: MovableLog) -> None:
    log.away = True
    async with made(tmp_path, log) as opened:
        for number in range(50):
            opened.begin(call(number))
            opened.end(call(number))
        with structlog.testing.capture_logs() as told:
            await until(lambda: told)
        assert told[0]["error"] == "unavailable"
        log.away = False
        await asyncio.wait_for(opened.flush(), 5)
        assert [one for one, _ in await outcomes(log)] == [call(number)["id"] for number in range(50)]


async def test_calls_shipped_before_a_kill_are_not_doubled(tmp_path: Path, log: MovableLog) -> None:
    first = await made(tmp_path, log).__aenter__()
    first.begin(call(1))
    first.end({**call(1), "data": {"outcome": "ok"}})
    await first.flush()
    await killed(first)
    async with made(tmp_path, log):
        assert await outcomes(log) == [(call(1)["id"], "ok")]


async def test_full_at_the_bound_and_free_again_once_shipped(tmp_path: Path, log: MovableLog) -> None:
    log.away = True
    async with made(tmp_path, log, limit=20_000) as opened:
        number = 0
        while not opened.full:
            opened.begin(call(number))
            opened.end(call(number))
            number += 1
        assert sum(path.stat().st_size for path in files(tmp_path)) >= 20_000
        log.away = False
        await asyncio.wait_for(opened.flush(), 5)
        assert not opened.full
        assert len(await logged(log)) == number


async def test_what_ends_close_together_is_shipped_together(tmp_path: Path, log: MovableLog) -> None:
    async with made(tmp_path, log) as opened:
        for number in range(20):
            opened.begin(call(number))
            opened.end(call(number))
            await asyncio.sleep(0)
        await opened.flush()
        assert [len(batch) for batch in log.batches] == [20]


async def test_flushing_waits_for_no_call_that_ends_later(
    tmp_path: Path, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = log.append

    async def busy(events: Sequence[Mapping[str, Any]]) -> None:
        """While something is shipped, another call ends: so it is on a platform that is never quiet."""
        opened.end(call(len(log.batches) + 1))
        await append(events)

    monkeypatch.setattr(log, "append", busy)
    async with made(tmp_path, log) as opened:
        for number in range(10):
            opened.begin(call(number))
        opened.end(call(0))
        await asyncio.wait_for(opened.flush(), 5)
        assert log.batches == [[call(0)["id"]]]
        monkeypatch.undo()


async def test_files_go_once_all_their_calls_are_shipped(
    tmp_path: Path, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_SEGMENT", 2_000)
    async with made(tmp_path, log) as opened:
        opened.begin(call(0))
        for number in range(1, 50):
            opened.begin(call(number))
            opened.end(call(number))
        assert len(files(tmp_path)) > 5
        await opened.flush()
        assert len(files(tmp_path)) <= 2  # where the call that still runs was carried to, and the one written to
        opened.end(call(0))
        await opened.flush()
        assert len(files(tmp_path)) == 1


async def test_a_disk_without_room_refuses_the_call_and_leaves_no_half_line(
    tmp_path: Path, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        return write(descriptor, data[: len(data) // 2])

    def none(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    log.away = True
    opened = await made(tmp_path, log).__aenter__()
    opened.begin(call(1))
    for broken in (half, none):
        monkeypatch.setattr("common.journal.os.write", broken)
        with pytest.raises(errors.StorageFull):
            opened.begin(call(2))
        monkeypatch.setattr("common.journal.os.write", write)
    monkeypatch.setattr("common.journal.os.write", half)
    opened.end({**call(1), "data": {"outcome": "ok"}})  # in memory it is whole, so the answer need not be held back
    monkeypatch.setattr("common.journal.os.write", write)
    opened.begin(call(3))
    with structlog.testing.capture_logs() as told:
        assert [one["begin"]["id"] for one in journal._entries(files(tmp_path)[0])] == [call(1)["id"], call(3)["id"]]
    assert told == []
    log.away = False
    await opened.flush()
    assert await outcomes(log) == [(call(1)["id"], "ok")]
    await killed(opened)


async def test_a_call_that_lasts_pins_no_old_file_and_is_still_unknown_after_a_kill(
    tmp_path: Path, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_SEGMENT", 2_000)
    opened = await made(tmp_path, log).__aenter__()
    opened.begin(call(0))
    first = files(tmp_path)[0]
    for number in range(1, 50):
        opened.begin(call(number))
        opened.end(call(number))
        await opened.flush()
    assert not first.exists()
    assert len(files(tmp_path)) <= 3
    await killed(opened)
    async with made(tmp_path, log):
        assert (call(0)["id"], "unknown") in await outcomes(log)
