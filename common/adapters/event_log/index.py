"""The log index: what filters of the event log ask for, in the record store, for a log that cannot look anything up.

It can be lost and is made again from the log. Any number of processes may bring it up to date at once: what is indexed
next is first planned (a range of each partition, one compare-and-set), so that all of them give the same events the
same arrival numbers, then written under the events' ids, which removes doubles, and then the plan is done with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from common import errors, logging
from common.adapters.event_log.partitions import Offsets, Partitions, Stored
from common.adapters.json_text import canonical_text
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or
from common.filtering.sorting import Place, SortKey
from common.ports.event_log import FACETS, LoggedEvent, Moment, Topic, facets
from common.ports.record_store import Collection, Record, RecordStore
from common.records.event import decoded

ENTRIES = Collection(
    "log_index",
    indexes=(
        ("state.arrival",),
        ("state.time", "state.service"),
        ("state.record",),
        ("state.trace",),
        ("state.session",),
        ("state.type",),
    ),
)
CURSORS = Collection("log_cursor")
_BATCH = 500
_log = logging.logger("log_index")


@dataclass(frozen=True)
class _Cursor:
    """How far the index is; `plan` is the range that is being indexed, behind `offsets`."""

    number: int
    arrival: int
    offsets: dict[str, int]
    plan: dict[str, int] | None


class LogIndex:
    """The index of one log."""

    def __init__(self, store: RecordStore, log: Partitions) -> None:
        self._store, self._partitions = store, log
        self._seen = -1
        self.last = 0

    async def open(self) -> None:
        """Declare what it needs."""
        await self._store.ensure(ENTRIES, CURSORS)

    async def catch_up(self) -> None:
        """Index everything that is in the log by now; afterwards `last` is the number of the last arrival.

        May be cancelled at any time: what was done stays done.
        """
        ends = await self._partitions.ends()
        while True:
            cursor = await self._cursor()
            reached = cursor.offsets if cursor.plan is None else {**cursor.offsets, **cursor.plan}
            if _beyond(reached, ends):
                # Another process may have come further than what this one has asked for; asked again, it cannot have.
                ends = await self._partitions.ends()
                if lost := _beyond(reached, ends):
                    await self._forget(cursor, lost)
            elif cursor.plan is not None:
                await self._finish(cursor, await self._planned(cursor.offsets, cursor.plan))
            elif any(cursor.offsets.get(name, 0) < end for name, end in ends.items()):
                await self._plan(cursor, ends)
            else:
                break
        if cursor.number != self._seen:
            newest = await self._find(None, (SortKey("state.arrival", descending=True),), limit=1)
            self.last = newest[0].state["arrival"] if newest else 0
            self._seen = cursor.number

    async def read(self, after: int, limit: int, topic: Topic | None) -> list[LoggedEvent]:
        """As `EventLog.read`, of what is indexed."""
        behind: Condition = Comparison("state.arrival", ">", after)
        if topic is not None:
            behind = And((behind, Comparison("state.kind", "=", topic)))
        found = await self._find(behind, (SortKey("state.arrival"),), limit=limit)
        return [_logged(record) for record in found]

    async def query(
        self, where: Condition | None, newest_first: bool, after: Moment | None, limit: int
    ) -> list[LoggedEvent]:
        """As `EventLog.query`, of what is indexed."""
        order = (SortKey("state.time", newest_first), SortKey("state.service", newest_first))
        found = await self._find(None if where is None else _translated(where), order, after=after, limit=limit)
        return [_logged(record) for record in found]

    async def places(self, source: str, subject: str) -> list[tuple[str, int, str]]:
        """Where the changes of a record are, in the order of arrival: partition, offset and id of each."""
        where = And(
            (
                Comparison("state.record", "=", subject),
                Comparison("state.kind", "=", "state"),
                Comparison("state.service", "=", source),
            )
        )
        found: list[tuple[str, int, str]] = []
        after: Place | None = None
        order = (SortKey("state.arrival"),)
        while True:
            page = await self._find(where, order, after=after, limit=_BATCH, without=("event",))
            found.extend((record.state["partition"], record.state["offset"], record.id) for record in page)
            if len(page) < _BATCH:
                return found
            after = page[-1].place(order)

    async def trim(self, starts: Offsets) -> int:
        """Remove the entries of events that retention has taken out of the log; how many those were."""
        removed = 0
        for partition, start in starts.items():
            gone = And(
                (Comparison("state.partition", "=", partition), Comparison("state.offset", "<", start)),
            )
            while start and (page := await self._find(gone, (), limit=_BATCH, without=("event",))):
                for record in page:
                    await self._store.delete(ENTRIES.name, record.id)
                removed += len(page)
        return removed

    async def _cursor(self) -> _Cursor:
        identifier = self._partitions.name
        record = await self._store.get(CURSORS.name, identifier)
        if record is None:
            first = {"number": 0, "arrival": 0, "offsets": {}, "plan": None}
            with suppress(errors.AlreadyExists):  # another process has begun at the same time
                await self._store.insert(CURSORS.name, Record(identifier, 0, "", {}, envelope=first))
            return _Cursor(0, 0, {}, None)
        told = record.envelope
        return _Cursor(told["number"], told["arrival"], told["offsets"], told.get("plan"))

    async def _moved(self, cursor: _Cursor, **changes: Any) -> bool:
        """Whether the cursor could be changed; False if another process was faster."""
        changes["number"] = cursor.number + 1
        return await self._store.touch(
            CURSORS.name, self._partitions.name, envelope_set=changes, guard={"envelope.number": cursor.number}
        )

    async def _plan(self, cursor: _Cursor, ends: Offsets) -> None:
        """Agree on what is next, and do it."""
        todo = {name: end for name, end in ends.items() if cursor.offsets.get(name, 0) < end}
        events: list[Stored] = []
        async with aclosing(self._partitions.scan(cursor.offsets, todo)) as scanned:
            async for batch in scanned:
                events.extend(batch)
                if len(events) >= _BATCH:
                    # Of each partition only what was taken: more of it may belong before what is not read yet.
                    events = events[:_BATCH]
                    todo = {name: cursor.offsets.get(name, 0) for name in todo}
                    todo.update({stored.partition: stored.offset + 1 for stored in events})
                    break
        if await self._moved(cursor, plan=todo):
            planned = _Cursor(cursor.number + 1, cursor.arrival, cursor.offsets, todo)
            await self._finish(planned, events)

    async def _planned(self, offsets: Offsets, plan: Offsets) -> list[Stored]:
        """The events of a plan that another process made, or this one before it was interrupted."""
        events: list[Stored] = []
        async with aclosing(self._partitions.scan(offsets, plan)) as scanned:
            async for batch in scanned:
                events.extend(batch)
        return events

    async def _finish(self, cursor: _Cursor, events: Sequence[Stored]) -> None:
        entries: dict[str, Record] = {}
        for number, stored in enumerate(events, cursor.arrival + 1):
            entries.setdefault(str(stored.event["id"]), _entry(number, stored))
        try:
            await self._store.insert_many(ENTRIES.name, list(entries.values()))
        except errors.AlreadyExists:
            # A double of an earlier event, or what another process or an interrupted try has written of this plan.
            for entry in entries.values():
                with suppress(errors.AlreadyExists):
                    await self._store.insert(ENTRIES.name, entry)
        offsets = {**cursor.offsets, **(cursor.plan or {})}
        await self._moved(cursor, arrival=cursor.arrival + len(events), offsets=offsets, plan=None)

    async def _forget(self, cursor: _Cursor, partitions: Sequence[str]) -> None:
        _log.error(
            "the event log is shorter than it was: a topic was deleted or cut; log verify tells what is missing",
            partitions=", ".join(sorted(partitions)),
        )
        # A plan that was begun may have used its numbers: they are passed over.
        offsets = {**cursor.offsets, **dict.fromkeys(partitions, 0)}
        await self._moved(cursor, arrival=cursor.arrival + _BATCH, offsets=offsets, plan=None)

    async def _find(
        self,
        where: Condition | None,
        sort: Sequence[SortKey],
        *,
        limit: int,
        after: Place | None = None,
        without: Sequence[str] = (),
    ) -> list[Record]:
        return await self._store.find(ENTRIES.name, where=where, sort=sort, after=after, limit=limit, without=without)


def _beyond(places: Offsets, ends: Offsets) -> list[str]:
    """The partitions that end before these places."""
    return [name for name, place in places.items() if place > ends.get(name, 0)]


def _entry(arrival: int, stored: Stored) -> Record:
    event = stored.event
    seen = facets(event)
    identifier = seen.pop("id")
    state: Mapping[str, Any] = {
        **seen,
        "arrival": arrival,
        "partition": stored.partition,
        "offset": stored.offset,
        "event": canonical_text(event),
    }
    return Record(str(identifier), 0, "", dict(state))


def _logged(record: Record) -> LoggedEvent:
    return LoggedEvent(record.state["arrival"], decoded(record.state["event"]))


def _translated(where: Condition) -> Condition:
    """The condition on facets as one on entries. Raises `errors.BadFilter`."""
    match where:
        case Comparison(path, sign, value):
            return Comparison(_path(path), sign, value)
        case In(path, values):
            return In(_path(path), values)
        case And(parts):
            return And(tuple(_translated(part) for part in parts))
        case Or(parts):
            return Or(tuple(_translated(part) for part in parts))
        case Not(part):
            return Not(_translated(part))


def _path(path: str) -> str:
    if path not in FACETS:
        raise errors.BadFilter(f"{path!r} is not a field of the log; those are {', '.join(FACETS)}")
    return path if path == "id" else f"state.{path}"
