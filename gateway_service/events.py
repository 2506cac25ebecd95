"""Reading the event log: pages, everything of a trace or record, and following it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from common import errors, logging, times
from common.contracts.base import Page
from common.contracts.log import LoggedEvent
from common.filtering import cursors
from common.filtering.conditions import And, Comparison, Condition, In, Or, holds
from common.ports import event_log
from common.ports.event_log import EventLog, Moment, facets, topic_of

TRACE_LIMIT = 10_000
"""Events that one trace or record shows at most."""
_BATCH = 500
_IDLE = 10.0
_PAUSE = 1.0
_log = logging.logger("gateway")


@dataclass(frozen=True)
class Selection:
    """Which events are wanted; `since` is included, `until` is not."""

    service: str | None = None
    peer: str | None = None
    actor: str | None = None
    kind: str | None = None
    route: str | None = None
    outcome: str | None = None
    session: str | None = None
    record: str | None = None
    since: str | None = None
    until: str | None = None

    def condition(self) -> And:
        """The selection over the facets of an event. Raises `errors.BadRequest` for what is no time."""
        parts: list[Condition] = []
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            if value is None:
                continue
            match name:
                case "since":
                    parts.append(Comparison("time", ">=", _moment(name, value)))
                case "until":
                    parts.append(Comparison("time", "<", _moment(name, value)))
                case _:
                    parts.append(Comparison(name, "=", value))
        return And(tuple(parts))

    def scope(self, order: str) -> str:
        """What a cursor belongs to."""
        return repr((self, order))


class Events:
    """The log as people read it; before each look, what has happened so far is brought into it."""

    def __init__(self, log: EventLog, settle: Callable[[], Awaitable[None]]) -> None:
        """`settle` ships what waits in the journal and in outboxes, so that one's own calls are seen."""
        self._eventlog, self._settle = log, settle

    async def page(self, wanted: Selection, *, order: str, cursor: str | None, limit: int) -> Page[LoggedEvent]:
        """One page in the order of (time, source, id), `asc` or `desc`."""
        scope = wanted.scope(order)
        where = wanted.condition()
        after = _place(cursors.decode(cursor, scope)) if cursor else None
        if after is None:
            await self._settle()
        found = await self._eventlog.query(where=where, newest_first=order == "desc", after=after, limit=limit + 1)
        more = len(found) > limit
        found = found[:limit]
        return Page(
            items=[shown(event) for event in found],
            next=cursors.encode(found[-1].moment, scope) if more else None,
        )

    async def trace(self, trace_id: str) -> list[LoggedEvent]:
        """Every call and change of a trace, oldest first. Raises `errors.NotFound` for an unknown one."""
        await self._settle()
        return await self._told(Comparison("trace", "=", trace_id), f"there is no trace {trace_id}")

    async def record(self, identifier: str) -> list[LoggedEvent]:
        """Every change of a record, every call that names it, and all of the traces of its changes; oldest first."""
        await self._settle()
        named = Or((Comparison("record", "=", identifier), Comparison("session", "=", identifier)))
        changes = await self._all(And((Comparison("record", "=", identifier), Comparison("kind", "=", "state"))))
        traces = tuple(dict.fromkeys(facets(each.event)["trace"] for each in changes))
        where: Condition = Or((named, In("trace", traces))) if traces else named
        return await self._told(where, f"the log has nothing of {identifier}")

    async def follow(self, wanted: Selection, after: int | None) -> AsyncIterator[LoggedEvent]:
        """Events in the order of arrival, without end: those behind number `after`, or those from now on.

        While the log is away the stream waits, and misses nothing.
        """
        where = wanted.condition()
        place = after
        while True:
            try:
                if place is None:
                    place = await self._eventlog.last_position()
                found = await self._eventlog.read(after=place, limit=_BATCH)
                if not found:
                    await self._eventlog.changed(place, _IDLE)
            except errors.Unavailable as error:
                _log.warning("stream waits for the event log", error=error.detail)
                await asyncio.sleep(_PAUSE)
                continue
            for each in found:
                place = each.arrival
                if holds(where, facets(each.event)):
                    yield shown(each)

    async def _told(self, where: Condition, nothing: str) -> list[LoggedEvent]:
        found = await self._all(where)
        if not found:
            raise errors.NotFound(nothing)
        return [shown(each) for each in found]

    async def _all(self, where: Condition) -> Sequence[event_log.LoggedEvent]:
        found: list[event_log.LoggedEvent] = []
        while len(found) < TRACE_LIMIT:
            after = found[-1].moment if found else None
            page = await self._eventlog.query(where=where, newest_first=False, after=after, limit=_BATCH)
            found.extend(page)
            if len(page) < _BATCH:
                break
        return found[:TRACE_LIMIT]


def shown(logged: event_log.LoggedEvent) -> LoggedEvent:
    """The event with its place; only state events have a position, by which records are rebuilt."""
    state = topic_of(logged.event) == "state"
    return LoggedEvent(arrival=logged.arrival, position=logged.arrival if state else None, event=logged.event)


def recent(calls: Sequence[Mapping[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The last calls of this process, newest first, from memory."""
    return [dict(call) for call in list(calls)[: -limit - 1 : -1]]


def _moment(name: str, value: str) -> str:
    try:
        return times.text(times.moment(value))
    except (ValueError, OverflowError) as error:
        detail = f"{value!r} is no RFC 3339 time, such as 2026-11-28T19:30:00Z"
        raise errors.BadRequest(detail, flaws=[errors.Flaw(f"?{name}", "time", detail)]) from error


def _place(place: Sequence[Any]) -> Moment:
    if len(place) != 3 or not all(isinstance(part, str) for part in place):
        raise errors.BadRequest("the cursor is damaged; use `next` of a page as it was given")
    return (place[0], place[1], place[2])
