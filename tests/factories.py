"""Builders of what many tests need: contexts, lifecycles, journals on logs that can be taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from common import errors, ids, times
from common.filtering.conditions import Condition
from common.ports.event_log import Event, EventLog, LoggedEvent, Moment, Topic
from common.records.lifecycle import NEW, Lifecycle

SERVICE_TOKEN = "t" * 32
"""What services show each other in tests."""

COUNTER = Lifecycle(
    record="counter",
    transitions={
        (NEW, "counter.made"): "open",
        ("open", "counter.raised"): "open",
        ("open", "counter.closed"): "closed",
        ("closed", "counter.opened"): "open",
        ("closed", "counter.sealed"): "closed",
    },
    changes={"counter.raised": lambda state, data: {**state, "count": state.get("count", 0) + data["by"]}},
)
"""A small lifecycle with a cycle, a state that stays itself, and a change that is no merge."""


def call(number: int, side: str = "received", **data: Any) -> dict[str, Any]:
    """A call event as it is begun."""
    return {
        "specversion": "1.0",
        "id": ids.derived_id("evt", "call", number),
        "type": f"autolearn.call.{side}.v1",
        "source": "training",
        "time": times.now(),
        "actor": "local",
        "data": {"source": "client", "destination": "training", **data},
    }


class MovableLog(EventLog):
    """A log before which a test can stand: it can be away, and forget what it was told after taking it."""

    def __init__(self, inner: EventLog) -> None:
        self.inner = inner
        self.away = False
        self.crash_after_append = False
        self.batches: list[list[str]] = []

    async def open(self) -> None:
        """The inner log is opened by whoever made it."""

    async def close(self) -> None:
        """And closed there."""

    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        if self.away:
            raise errors.Unavailable("the event log is away")
        await self.inner.append(events)
        self.batches.append([str(event["id"]) for event in events])
        if self.crash_after_append:
            raise errors.Unavailable("the answer was lost")

    async def read(self, *, after: int = 0, limit: int, topic: Topic | None = None) -> list[LoggedEvent]:
        if self.away:
            raise errors.Unavailable("the event log is away")
        return await self.inner.read(after=after, limit=limit, topic=topic)

    async def query(
        self,
        *,
        where: Condition | None = None,
        newest_first: bool = True,
        after: Moment | None = None,
        limit: int,
    ) -> list[LoggedEvent]:
        return await self.inner.query(where=where, newest_first=newest_first, after=after, limit=limit)

    def histories(self, source: str | None = None) -> AsyncIterator[tuple[str, list[Event]]]:
        return self.inner.histories(source)

    async def changed(self, after: int, timeout: float) -> bool:
        return await self.inner.changed(after, timeout)

    async def last_position(self) -> int:
        return await self.inner.last_position()

    async def check(self) -> Mapping[str, str | int]:
        return await self.inner.check()


async def logged(log: EventLog, topic: Topic | None = None) -> list[dict[str, Any]]:
    """Everything in the log, in the order of arrival."""
    return [entry.event for entry in await log.read(limit=10_000, topic=topic)]
