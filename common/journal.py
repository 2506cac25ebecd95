"""The call journal: every communication is appended to a local file first and shipped to the event log from there.

A call leaves a `begin` line before its handler runs and an `end` line before the answer goes out. Both are plain
`write`s, so they outlive a killed process; `fdatasync` follows in groups beside the requests. A begin without an end
becomes a call of outcome `unknown` at the next start. Lines carry a CRC-32, so a torn one is recognised and reported.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import errors, logging
from common.ports.event_log import EventLog
from common.records.event import decoded, encoded

_SEGMENT = 4 * 2**20
_FEWEST = 8  # segments at the bound: a shipped one can go only once another is written to
_BATCH = 2_000
_SYNC = 0.02
"""Seconds that gather lines for one `fdatasync`."""
_GATHER = 0.25
"""Seconds that gather calls for one write to the event log: each costs it as much as a read of a client."""
_log = logging.logger("journal")


@dataclass
class _Segment:
    path: Path
    descriptor: int
    size: int = 0
    owed: int = 0  # calls begun here that the event log does not have yet


def _line(entry: dict[str, Any]) -> bytes:
    body = encoded(entry)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _entries(path: Path) -> list[dict[str, Any]]:
    entries = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            body = line[9:].rstrip(b"\n")
            if line[:8] != b"%08x" % zlib.crc32(body):
                _log.warning("torn journal line dropped", journal=path.name, line=number)
                continue
            entries.append(decoded(body))
    return entries


def _copy(segments: Sequence[tuple[str, int, int]], target: Path) -> None:
    target.mkdir(mode=0o700)
    for name, descriptor, size in segments:
        with (target / name).open("xb") as file:
            offset = 0
            while offset < size:
                offset += file.write(os.pread(descriptor, min(size - offset, 2**20), offset))


class Journal:
    """Call events of one process, on disk until the event log has them, the recent ones in memory too."""

    def __init__(self, folder: Path, log: EventLog, *, limit: int, keep: int = 1_000) -> None:
        """Journal files live in `folder`; at `limit` bytes `full` turns true; `recent` keeps the last `keep` calls."""
        self.folder, self._eventlog, self._limit = folder, log, limit
        self.recent: collections.deque[dict[str, Any]] = collections.deque(maxlen=keep)
        self.refused = 0
        self.behind = False
        """Whether the event log did not take the last calls."""
        self._segments: list[_Segment] = []
        self._owner: dict[str, _Segment] = {}
        self._open: dict[str, dict[str, Any]] = {}
        self._ended: collections.deque[dict[str, Any]] = collections.deque()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._shipped = asyncio.Condition()
        self._gone = 0  # calls shipped so far
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Journal:
        await self._recover()
        self._open_segment()
        self._task = asyncio.create_task(self._run(), name="journal")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(TimeoutError, errors.AutoLearnError):
            await asyncio.wait_for(self.flush(), 5)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for segment in self._segments:
            os.close(segment.descriptor)
            if not segment.owed:
                segment.path.unlink()

    @property
    def full(self) -> bool:
        """Whether the journal has reached its bound, so that further calls must be refused."""
        return sum(segment.size for segment in self._segments) >= self._limit

    def begin(self, event: dict[str, Any]) -> None:
        """Write down that the call has begun; `event` is its call event without outcome.

        Raises `errors.StorageFull` when there is no room: then the call must not begin.
        """
        segment = self._segments[-1]
        if segment.size >= min(_SEGMENT, self._limit // _FEWEST):
            segment = self._open_segment()
            self._carry_over()
        self._begun(segment, event)
        self._open[event["id"]] = event

    def end(self, event: dict[str, Any]) -> None:
        """Write down how the call ended, and leave it to be shipped."""
        try:
            self._write(self._owner[event["id"]], {"end": event})
        except errors.StorageFull:
            # It has happened and can still be shipped; only a kill before that would make it `unknown`.
            _log.warning("no room for the end of a call", call=event["id"])
        del self._open[event["id"]]
        self.recent.append(event)
        self._ended.append(event)
        self._wake.set()

    async def flush(self) -> None:
        """Return when everything that has ended so far is in the event log."""
        async with self._shipped:
            wanted = self._gone + len(self._ended)
            self._wake.set()
            self._hurry.set()
            await self._shipped.wait_for(lambda: self._gone >= wanted)

    async def backup(self, target: Path) -> None:
        """Copy what the event log does not have yet into a new folder, from which another start ships it.

        A copy of the log that begins afterwards has every call that this one lacks.
        """
        # Held open and measured now, for a segment goes once it is shipped.
        now = [(segment.path.name, os.dup(segment.descriptor), segment.size) for segment in self._segments]
        try:
            await asyncio.to_thread(_copy, now, target)
        finally:
            for _, descriptor, _ in now:
                os.close(descriptor)

    def _begun(self, segment: _Segment, event: dict[str, Any]) -> None:
        self._write(segment, {"begin": event})
        segment.owed += 1
        self._owner[event["id"]] = segment

    def _carry_over(self) -> None:
        """Write calls that have lasted for a whole segment into the newest: a stream of days must not pin old files."""
        *_, kept, newest = self._segments
        for identifier, event in self._open.items():
            owner = self._owner[identifier]
            if owner not in (kept, newest):
                self._begun(newest, event)
                owner.owed -= 1

    def _write(self, segment: _Segment, entry: dict[str, Any]) -> None:
        line = _line(entry)
        try:
            written = os.write(segment.descriptor, line)
        except OSError as error:
            raise errors.StorageFull(
                f"the call journal {self.folder} cannot be written: {error.strerror}; every call is logged, reads too: "
                "make room"
            ) from error
        if written < len(line):
            os.ftruncate(segment.descriptor, segment.size)  # or the next line would be torn with this one
            raise errors.StorageFull("the disk of the call journal is full")
        segment.size += written

    def _open_segment(self) -> _Segment:
        number = int(self._segments[-1].path.stem) + 1 if self._segments else 1
        path = self.folder / f"{number:08}.journal"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
        self._segments.append(_Segment(path, descriptor))
        return self._segments[-1]

    async def _recover(self) -> None:
        """Ship what an earlier process left: ended calls as they were, begun ones as `unknown`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = sorted(self.folder.glob("*.journal"))
        begun: dict[str, dict[str, Any]] = {}
        ended: list[dict[str, Any]] = []
        for path in paths:
            for entry in await asyncio.to_thread(_entries, path):
                if "begin" in entry:
                    begun[entry["begin"]["id"]] = entry["begin"]
                else:
                    begun.pop(entry["end"]["id"], None)
                    ended.append(entry["end"])
        for event in begun.values():
            ended.append({**event, "data": {**event["data"], "outcome": "unknown"}})
        if begun:
            _log.warning("calls without an end found", calls=len(begun))
        for start in range(0, len(ended), _BATCH):
            await self._eventlog.append(ended[start : start + _BATCH])
        for path in paths:
            path.unlink()

    async def _run(self) -> None:
        delay = 0.05
        while True:
            await self._wake.wait()
            try:
                await self._gather()
                await self._ship()
                delay = 0.05
                self.behind = False
                if self._ended:
                    self._wake.set()
            except errors.AutoLearnError as error:
                self.behind = True
                _log.warning("event log does not take calls", error=error.code, waiting=len(self._ended))
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
                self._wake.set()

    async def _gather(self) -> None:
        """Sync what is written soon and in groups; return when it is time to ship, at once if somebody waits."""
        due = asyncio.get_running_loop().time() + _GATHER
        while not self._hurry.is_set() and len(self._ended) < _BATCH:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SYNC):
                    await self._hurry.wait()
            await asyncio.to_thread(self._sync)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            if asyncio.get_running_loop().time() >= due:
                break
        self._wake.clear()
        self._hurry.clear()

    async def _ship(self) -> None:
        await asyncio.to_thread(self._sync)
        left = len(self._ended)  # what ends meanwhile is for the next time: else each call would be shipped alone
        while left:
            batch = list(itertools.islice(self._ended, min(left, _BATCH)))
            await self._eventlog.append(batch)
            for event in batch:
                self._ended.popleft()
                self._owner.pop(event["id"]).owed -= 1
            self._gone += len(batch)
            left -= len(batch)
            for segment in [s for s in self._segments[:-1] if not s.owed]:
                self._segments.remove(segment)
                os.close(segment.descriptor)
                segment.path.unlink()
        async with self._shipped:
            self._shipped.notify_all()

    def _sync(self) -> None:
        os.fdatasync(self._segments[-1].descriptor)
