"""The relay: ships the events that wait in outboxes to the event log, in order, and pulls what is confirmed.

It is the only way of a state event into the log. A crash between shipping and pulling ships the same event again; its
id makes the second one a no-op.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from common import errors, logging
from common.ports.event_log import EventLog
from common.ports.record_store import Record, RecordStore

_BATCH = 500
_GATHER = 0.25
"""Seconds that gather events for one shipment: a training leaves five within that time, and each shipment
is a read and two durable writes. Who reads the log has it shipped first."""
_RETRY = 1.0  # seconds
_log = logging.logger("relay")


class Relay:
    """Ships the outboxes of `collections`; woken by `wake`, and by itself every `sweep` seconds."""

    def __init__(self, store: RecordStore, log: EventLog, collections: Sequence[str], *, sweep: float) -> None:
        self._store, self._eventlog, self._collections, self._sweep = store, log, tuple(collections), sweep
        self._wake = asyncio.Event()
        self._written: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._shipping = asyncio.Lock()
        self.behind = False
        """Whether the event log does not take events; while the record store is away, it is not asked."""

    async def __aenter__(self) -> Relay:
        self._task = asyncio.create_task(self._run(), name="relay")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await asyncio.wait_for(self.ship(), 5)
        except (TimeoutError, errors.AutoLearnError):
            _log.warning("events stay in their outboxes until the next start")

    def wake(self, collection: str) -> None:
        """A record of this collection was written."""
        self._written.add(collection)
        self._wake.set()

    async def ship(self, collections: Iterable[str] | None = None) -> int:
        """Ship everything that waits now, of these collections or of all; the number of events shipped."""
        shipped = 0
        for collection in self._collections if collections is None else collections:
            more = True
            while more:
                async with self._shipping:
                    waiting = await self._store.waiting(collection, _BATCH)
                    shipped += await self._ship(collection, waiting)
                more = len(waiting) == _BATCH
        return shipped

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Within it nothing is shipped, so that every event is either in the log or in an outbox. For moments."""
        async with self._shipping:
            yield

    async def _ship(self, collection: str, waiting: Sequence[Record]) -> int:
        if not waiting:
            return 0
        await self._append([event for record in waiting for event in record.outbox])
        pulled = {record.id: [event["id"] for event in record.outbox] for record in waiting}
        await self._store.pull_many(collection, pulled)
        return sum(len(ids) for ids in pulled.values())

    async def _append(self, events: list[dict[str, Any]]) -> None:
        try:
            await self._eventlog.append(events)
        except errors.AutoLearnError:
            self.behind = True
            raise
        self.behind = False

    async def _run(self) -> None:
        failed = False
        due = 0.0  # when all collections are looked at next, whether or not anybody rings
        while True:
            if failed:
                # Tried again without being rung: it may be the last event for hours that waits.
                await asyncio.sleep(min(self._sweep, _RETRY))
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._sweep):
                        await self._wake.wait()
            if self._wake.is_set():
                await asyncio.sleep(_GATHER)
            self._wake.clear()
            written, self._written = self._written, set()
            everywhere = self.behind or time.monotonic() >= due
            if everywhere:
                due = time.monotonic() + self._sweep
            try:
                await self.ship(None if everywhere else written)
                self.behind = failed = False
            except errors.AutoLearnError as error:
                due, failed = 0.0, True
                _log.warning("events wait in their outboxes", error=error.detail)
            except Exception as error:
                # The only way of events into the log: it must not end in silence over one it cannot handle.
                self.behind = failed = True
                _log.error("relay failed", exc_info=error)
