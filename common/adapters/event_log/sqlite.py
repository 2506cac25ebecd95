"""The event log in one SQLite file: a column for each facet that filters ask for, and the event as JSON."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import errors
from common.adapters.json_text import canonical_text, quick_text
from common.adapters.sqlite_connection import Connection, Row, Schema
from common.adapters.sqlite_file import SqliteFile
from common.adapters.sqlite_query import Fragment, Term, compiled
from common.filtering.conditions import Condition
from common.ports.event_log import FACETS, Event, EventLog, LoggedEvent, Moment, Topic, facets

_REQUIRED = ("id", "type", "source", "time")
_BATCH = 250
"""Events read at once for histories: with events of the largest size still bounded memory."""

_TABLE = """CREATE TABLE IF NOT EXISTS event (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, time TEXT NOT NULL, source TEXT NOT NULL, record TEXT, sequence INTEGER,
    trace TEXT, session TEXT, peer TEXT, actor TEXT, route TEXT, outcome TEXT, type TEXT NOT NULL,
    body TEXT NOT NULL          -- last, so that a filter does not read it
) STRICT"""
_SCHEMA = Schema(
    application=0x414C4556,  # "ALEV"
    version=1,
    statements=(
        _TABLE,
        "CREATE INDEX IF NOT EXISTS event_kind ON event(kind)",
        "CREATE INDEX IF NOT EXISTS event_time ON event(time)",  # ties are few: sorted as they are met
        "CREATE INDEX IF NOT EXISTS event_record ON event(record, sequence) WHERE record IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS event_trace ON event(trace) WHERE trace IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS event_session ON event(session) WHERE session IS NOT NULL",
    ),
)
_COLUMNS = (
    "id", "kind", "time", "source", "record", "sequence",
    "trace", "session", "peer", "actor", "route", "outcome", "type", "body",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO event ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO NOTHING"
)


class SqliteEventLog(EventLog):
    """`sqlite:///path/of/file`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)
        self._last = 0
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        await self._file.open()
        self._rang(await self._file.read(_last_arrival))

    async def close(self) -> None:
        await self._file.close()
        self._arrived.set()

    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        rows = [_row(event) for event in events]

        def work(connection: Connection) -> int:
            connection.run_many(_INSERT, rows)
            return _last_arrival(connection)

        if rows:
            await self._file.write(work, self._rang)

    async def read(self, *, after: int = 0, limit: int, topic: Topic | None = None) -> list[LoggedEvent]:
        kind, bindings = ("", ()) if topic is None else ("kind = ? AND", (topic,))
        return await self._select(Fragment(f"{kind} arrival > ? ORDER BY arrival", (*bindings, after)), limit)

    async def query(
        self,
        *,
        where: Condition | None = None,
        newest_first: bool = True,
        after: Moment | None = None,
        limit: int,
    ) -> list[LoggedEvent]:
        condition = Fragment("1") if where is None else compiled(where, _term)
        way, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        sql, bindings = condition.sql, condition.bindings
        if after is not None:
            sql, bindings = (f"{sql} AND (time, source, id) {beyond} (?, ?, ?)", (*bindings, *after))
        return await self._select(Fragment(f"{sql} ORDER BY time {way}, source {way}, id {way}", bindings), limit)

    async def histories(self, source: str | None = None) -> AsyncIterator[tuple[str, list[Event]]]:
        async for batch in self.texts(source):
            for subject, history in batch:
                yield subject, [json.loads(text) for text in history]

    async def texts(self, source: str | None = None) -> AsyncGenerator[list[tuple[str, list[str]]], None]:
        of_source = "" if source is None else "AND source = ?"
        sql = (
            "SELECT record, sequence, arrival, body FROM event INDEXED BY event_record"
            " WHERE kind = 'state' AND record IS NOT NULL AND sequence IS NOT NULL"
            f" AND (record, sequence, arrival) > (?, ?, ?) {of_source}"
            " ORDER BY record, sequence, arrival LIMIT ?"
        )
        rest = (_BATCH,) if source is None else (source, _BATCH)
        place = ("", 0, 0)
        subject, history, sequence = "", list[str](), 0
        more = True
        while more:
            rows = await self._file.read(functools.partial(Connection.rows, sql=sql, bindings=(*place, *rest)))
            complete: list[tuple[str, list[str]]] = []
            for record, number, _, text in rows:
                if record != subject:
                    if history:
                        complete.append((subject, history))
                    subject, history, sequence = record, [], 0
                if number != sequence:
                    history.append(text)
                    sequence = number
            more = len(rows) == _BATCH
            if more:
                place = rows[-1][:3]
            elif history:
                complete.append((subject, history))
            if complete:
                yield complete

    async def changed(self, after: int, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                while self._last <= after:
                    self._file.require_open()
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def last_position(self) -> int:
        return await self._file.read(_last_arrival)

    async def check(self) -> Mapping[str, str | int]:
        return await self._file.check()

    async def backup(self, target: Path, begun: asyncio.Event | None = None) -> None:
        await self._file.backup(target, begun)

    def _rang(self, last: int) -> None:
        if last > self._last:
            self._last = last
            self._arrived.set()
            self._arrived = asyncio.Event()

    async def _select(self, tail: Fragment, limit: int) -> list[LoggedEvent]:
        sql = f"SELECT arrival, body FROM event WHERE {tail.sql} LIMIT ?"

        def work(connection: Connection) -> list[LoggedEvent]:
            rows = connection.rows(sql, (*tail.bindings, limit))
            return [LoggedEvent(arrival, json.loads(body)) for arrival, body in rows]

        return await self._file.read(work)


def _row(event: Mapping[str, Any]) -> Row:
    missing = [name for name in _REQUIRED if not event.get(name)]
    if missing:
        raise errors.Invalid(f"an event has no {missing[0]}")
    seen = facets(event)
    # The hash chain is over canonical texts of state events; calls, of which there are more, are in none.
    body = canonical_text(event) if seen["kind"] == "state" else quick_text(event)
    known = {**seen, "source": seen["service"], "sequence": event.get("sequence"), "body": body}
    return tuple(known[name] for name in _COLUMNS)


def _term(path: str) -> Term:
    if path not in FACETS:
        raise errors.BadFilter(f"{path!r} is not a field of the log; those are {', '.join(FACETS)}")
    return Term("source" if path == "service" else path)


def _last_arrival(connection: Connection) -> int:
    row = connection.row("SELECT max(arrival) FROM event")
    return (row[0] or 0) if row else 0
