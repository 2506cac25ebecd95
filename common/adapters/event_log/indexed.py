"""An event log in partitions that cannot look anything up, with an index in the record store that answers filters.

Events are appended to the log alone. Who reads brings the index up to date first, so that every append that has
returned is seen; the gateway's event worker does it all the time, so that readers find little to do. Histories, of
which records are verified and rebuilt, are read from the log itself and never from the index.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from common import errors, logging
from common.adapters.event_log.index import LogIndex
from common.adapters.event_log.partitions import STATE, Partitions
from common.adapters.event_log.sqlite import SqliteEventLog
from common.filtering.conditions import Condition
from common.ports.event_log import Event, EventLog, LoggedEvent, Moment, Topic
from common.ports.record_store import RecordStore

_PATIENCE = 10.0
"""Seconds that a reader waits for the index; what was indexed meanwhile stays indexed."""
_LOOK = 0.5
"""Seconds after which who waits for an arrival looks whether another process has appended."""
_CLOSE = 10.0
_TRIM = 3_600.0
_log = logging.logger("event_log")


class IndexedEventLog(EventLog):
    """`log` appends and scans, an index in `store` (which others own) answers the rest."""

    indexed = True

    def __init__(self, log: Partitions, store: RecordStore) -> None:
        self._partitions, self._index = log, LogIndex(store, log)
        self._usable = False
        self._arrived = asyncio.Event()
        self._calls = 0
        self._idle = asyncio.Event()
        self._appends: set[asyncio.Task[None]] = set()
        self._indexing = asyncio.Lock()
        self._begun = float("-inf")
        self._trimmed = float("-inf")

    async def open(self) -> None:
        await self._index.open()
        await self._partitions.open()
        self._usable = True

    async def close(self) -> None:
        self._usable = False
        if self._appends:
            await asyncio.wait(set(self._appends), timeout=_CLOSE)
        self._ring()
        while self._calls:  # they may look at what was appended last, and end
            self._idle.clear()
            try:
                async with asyncio.timeout(_CLOSE):
                    await self._idle.wait()
            except TimeoutError:
                _log.warning("calls of the event log do not end, it is closed under them", calls=self._calls)
                break
        await self._partitions.close()

    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._require_open()
        if not events:
            return
        # A caller that gives up takes nothing back: what is half sent would be there or not by chance.
        task = asyncio.create_task(self._append(list(events)))
        self._appends.add(task)
        task.add_done_callback(self._appended)
        await asyncio.shield(task)

    async def _append(self, events: Sequence[Mapping[str, Any]]) -> None:
        await self._partitions.append(events)
        self._ring()

    def _appended(self, task: asyncio.Task[None]) -> None:
        self._appends.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("append failed", error=str(error))  # told to the caller, unless that has gone

    async def read(self, *, after: int = 0, limit: int, topic: Topic | None = None) -> list[LoggedEvent]:
        async with self._call():
            found = await self._index.read(after, limit, topic)
            if len(found) < limit:  # what is behind a full page cannot change it: numbers only grow
                await self._caught_up()
                found = await self._index.read(after, limit, topic)
            return found

    async def query(
        self,
        *,
        where: Condition | None = None,
        newest_first: bool = True,
        after: Moment | None = None,
        limit: int,
    ) -> list[LoggedEvent]:
        async with self._call():
            await self._caught_up()
            return await self._index.query(where, newest_first, after, limit)

    async def histories(self, source: str | None = None) -> AsyncIterator[tuple[str, list[Event]]]:
        async with aclosing(self.texts(source)) as batches:
            async for batch in batches:
                for subject, history in batch:
                    yield subject, [json.loads(text) for text in history]

    async def texts(self, source: str | None = None) -> AsyncGenerator[list[tuple[str, list[str]]], None]:
        self._require_open()
        # The log is in the order of arrival; a file that is gone afterwards brings it into that of records.
        with tempfile.TemporaryDirectory(prefix="autolearn-histories-") as folder:
            async with SqliteEventLog(Path(folder) / "sorted.db") as ordered:
                end = (await self._partitions.ends())[STATE]
                async with aclosing(self._partitions.scan({}, {STATE: end})) as scanned:
                    async for batch in scanned:
                        wanted = [one.event for one in batch if source is None or one.event["source"] == source]
                        await ordered.append(wanted)
                async with aclosing(ordered.texts(source)) as batches:
                    async for found in batches:
                        yield found

    async def history(self, source: str, subject: str) -> list[Event]:
        async with self._call():
            await self._caught_up()
            found: dict[int, Event] = {}
            ends = await self._partitions.ends()
            for partition, offset, identifier in await self._index.places(source, subject):
                if offset >= ends.get(partition, 0):
                    continue
                # The index says only where it is: were it asked what an event says, a log that has lost it would pass.
                async with aclosing(self._partitions.scan({partition: offset}, {partition: offset + 1})) as scanned:
                    async for batch in scanned:
                        for one in batch:
                            if one.event["id"] == identifier:
                                found.setdefault(one.event["sequence"], one.event)
            return [found[number] for number in sorted(found)]

    async def changed(self, after: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        async with self._call():
            while True:
                arrived, last_look = self._arrived, not self._usable
                await self._caught_up()
                if self._index.last > after:
                    return True
                if last_look:
                    self._require_open()
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                try:
                    async with asyncio.timeout(min(left, _LOOK)):
                        await arrived.wait()
                except TimeoutError:
                    continue

    async def last_position(self) -> int:
        async with self._call():
            await self._caught_up()
            return self._index.last

    async def check(self) -> Mapping[str, str | int]:
        async with self._call():
            return await self._partitions.check()

    async def _caught_up(self) -> None:
        """Have everything indexed that was in the log when this was called."""
        asked = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE), self._indexing:
                if self._begun > asked:
                    return  # somebody else has begun and ended meanwhile
                begun = time.monotonic()
                await self._index.catch_up()
                if begun - self._trimmed > _TRIM:
                    self._trimmed = begun
                    await self._index.trim(await self._partitions.starts())
                self._begun = begun
        except TimeoutError as error:
            raise errors.Unavailable(
                "the index of the event log is behind the log and is being brought up to date; try again later",
                retry_after=5,
            ) from error

    def _ring(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        """Around what closing waits for."""
        self._require_open()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    def _require_open(self) -> None:
        if not self._usable:
            raise errors.Unavailable("the event log is not open")
