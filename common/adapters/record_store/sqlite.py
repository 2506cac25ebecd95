"""The record store in one SQLite file: a table for each collection, JSON in columns, indexes on expressions."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from common import errors
from common.adapters.json_text import canonical_text, dumped, pushed, size
from common.adapters.record_document import broken_guard, changed, check_size
from common.adapters.sqlite_connection import Connection, Schema
from common.adapters.sqlite_document import (
    COLUMNS,
    columns_without,
    events_of,
    index_of,
    record_of,
    row_of,
    table_of,
    term,
)
from common.adapters.sqlite_file import SqliteFile
from common.adapters.sqlite_query import Fragment, compiled, page_statement, segments
from common.filtering.conditions import Condition
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import OUTBOX_LIMIT, Collection, Record, RecordStore, StoredText

Result = TypeVar("Result")

_SCHEMA = Schema(application=0x414C5253, version=1, statements=())  # "ALRS"

_TABLE = """CREATE TABLE IF NOT EXISTS {table} (
    id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, head TEXT NOT NULL,
    waiting INTEGER,            -- grows; says since when the outbox has not been empty
    envelope TEXT NOT NULL, state TEXT NOT NULL, outbox TEXT NOT NULL
) STRICT"""


_INSERT = "INSERT INTO {table} (id, version, head, envelope, state, outbox, waiting) VALUES (?, ?, ?, ?, ?, ?, ?)"


class SqliteRecordStore(RecordStore):
    """`sqlite:///path/of/file`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)
        self._unique: dict[str, dict[str, str]] = {}

    async def open(self) -> None:
        await self._file.open()

    async def close(self) -> None:
        await self._file.close()

    async def ensure(self, *collections: Collection) -> None:
        statements: list[str] = []
        unique: dict[str, dict[str, str]] = {}
        for collection in collections:
            table = table_of(collection.name)
            statements.append(_TABLE.format(table=table))
            statements.append(
                f"CREATE INDEX IF NOT EXISTS {table}_waiting ON {table}(waiting) WHERE waiting IS NOT NULL"
            )
            for paths in collection.indexes:
                columns = ", ".join([*(term(path).sql for path in paths), "id"])
                statements.append(f"CREATE INDEX IF NOT EXISTS {index_of(table, paths)} ON {table}({columns})")
            unique[collection.name] = {index_of(table, (path,), "unique"): path for path in collection.unique}
            for name, path in unique[collection.name].items():
                statements.append(f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table}({term(path).sql})")

        def work(connection: Connection) -> None:
            for statement in statements:
                connection.run(statement)

        await self._file.write(work)
        self._unique.update(unique)

    async def insert(self, collection: str, record: Record) -> None:
        table, values = self._table(collection), row_of(record)

        def work(connection: Connection) -> None:
            since = _next_place(connection, table) if record.outbox else None
            connection.run(_INSERT.format(table=table), (*values, since))

        await self._write(collection, record.id, work)

    async def insert_many(self, collection: str, records: Sequence[Record]) -> None:
        if any(record.outbox for record in records):
            await super().insert_many(collection, records)
            return
        statement = _INSERT.format(table=self._table(collection))
        values = [(*row_of(record), None) for record in records]
        if values:
            await self._write(collection, values[0][0], lambda connection: connection.run_many(statement, values))

    async def get(self, collection: str, identifier: str) -> Record | None:
        return (await self.get_many(collection, (identifier,))).get(identifier)

    async def get_many(self, collection: str, identifiers: Iterable[str]) -> dict[str, Record]:
        sql = f"SELECT {COLUMNS} FROM {self._table(collection)} WHERE id = ?"
        wanted = list(dict.fromkeys(identifiers))

        def work(connection: Connection) -> dict[str, Record]:
            rows = (connection.row(sql, (identifier,)) for identifier in wanted)
            return {row[0]: record_of(row) for row in rows if row is not None}

        return await self._file.read(work) if wanted else {}

    async def append(
        self,
        collection: str,
        identifier: str,
        *,
        expected_version: int,
        state: Mapping[str, Any],
        head: str,
        event: Mapping[str, Any],
        envelope_set: Mapping[str, Any] | None = None,
        guard: Mapping[str, Any] | None = None,
    ) -> None:
        table = self._table(collection)
        new_state, new_event = canonical_text(state), dumped(event)
        changes, guards = dict(envelope_set or {}), dict(guard or {})

        def work(connection: Connection) -> None:
            row = connection.row(f"SELECT {COLUMNS}, waiting FROM {table} WHERE id = ?", (identifier,))
            if row is None:
                raise errors.NotFound(f"there is no {identifier} in {collection}")
            if row[1] != expected_version:
                raise errors.VersionConflict(f"{identifier} is at version {row[1]}, not {expected_version}")
            if guards and (broken := broken_guard(record_of(row), guards)):
                raise errors.VersionConflict(f"{broken} of {identifier} has changed")
            outbox = pushed(row[5], new_event)
            if size(outbox) > OUTBOX_LIMIT:
                raise errors.Unavailable(
                    f"the events of {identifier} wait for the event log; try again later", retry_after=5
                )
            envelope = dumped(changed(json.loads(row[3]), changes))
            check_size(identifier, envelope, new_state, outbox)
            since = _next_place(connection, table) if row[6] is None else row[6]
            connection.run(
                f"UPDATE {table} SET version = ?, head = ?, waiting = ?, envelope = ?, state = ?, outbox = ?"
                " WHERE id = ?",
                (expected_version + 1, head, since, envelope, new_state, outbox, identifier),
            )

        await self._write(collection, identifier, work)

    async def touch(
        self,
        collection: str,
        identifier: str,
        *,
        envelope_set: Mapping[str, Any],
        guard: Mapping[str, Any] | None = None,
    ) -> bool:
        table = self._table(collection)
        changes, guards = dict(envelope_set), dict(guard or {})
        dumped(changes)  # refuse here what is not JSON

        def work(connection: Connection) -> bool:
            row = connection.row(f"SELECT {COLUMNS} FROM {table} WHERE id = ?", (identifier,))
            if row is None:
                return False
            if guards and broken_guard(record_of(row), guards):
                return False
            envelope = dumped(changed(json.loads(row[3]), changes))
            check_size(identifier, envelope, row[4], row[5])
            connection.run(f"UPDATE {table} SET envelope = ? WHERE id = ?", (envelope, identifier))
            return True

        return await self._write(collection, identifier, work)

    async def pull_many(self, collection: str, event_ids: Mapping[str, Iterable[str]]) -> None:
        table = self._table(collection)
        shipped = {identifier: frozenset(ids) for identifier, ids in event_ids.items()}

        def work(connection: Connection) -> None:
            for identifier, ids in shipped.items():
                row = connection.row(f"SELECT outbox, waiting FROM {table} WHERE id = ?", (identifier,))
                if row is None:
                    continue
                rest = [event for event in json.loads(row[0]) if event["id"] not in ids]
                connection.run(
                    f"UPDATE {table} SET outbox = ?, waiting = ? WHERE id = ?",
                    (dumped(rest), row[1] if rest else None, identifier),
                )

        if any(shipped.values()):
            await self._file.write(work)

    async def waiting(self, collection: str, limit: int) -> list[Record]:
        sql = f"SELECT {COLUMNS} FROM {self._table(collection)} WHERE waiting IS NOT NULL ORDER BY waiting LIMIT ?"
        return await self._file.read(lambda connection: [record_of(row) for row in connection.rows(sql, (limit,))])

    async def find(
        self,
        collection: str,
        *,
        where: Condition | None = None,
        sort: Sequence[SortKey] = (),
        after: Place | None = None,
        limit: int,
        without: Sequence[str] = (),
    ) -> list[Record]:
        table = self._table(collection)
        condition = Fragment("1") if where is None else compiled(where, term)
        stretches = list(segments(sort, after, term))
        columns = columns_without(without)

        def work(connection: Connection) -> list[Record]:
            found: list[Record] = []
            for stretch in stretches:
                if len(found) >= limit:
                    break
                statement = page_statement(table, columns, condition, stretch, limit - len(found))
                found.extend(record_of(row) for row in connection.rows(statement.sql, statement.bindings))
            return found

        return await self._file.read(work)

    async def count(self, collection: str, where: Condition | None = None) -> int:
        condition = Fragment("1") if where is None else compiled(where, term)
        sql = f"SELECT count(*) FROM {self._table(collection)} WHERE {condition.sql}"
        row = await self._file.read(lambda connection: connection.row(sql, condition.bindings))
        return int(row[0]) if row else 0

    async def put_view(self, collection: str, identifier: str, state: Mapping[str, Any]) -> None:
        table = self._table(collection)
        text = dumped(state)
        check_size(identifier, text)

        def work(connection: Connection) -> None:
            connection.run(
                f"INSERT INTO {table} (id, version, head, envelope, state, outbox) VALUES (?, 0, '', '{{}}', ?, '[]')"
                " ON CONFLICT (id) DO UPDATE SET"
                " version = 0, head = '', envelope = '{}', state = excluded.state, outbox = '[]', waiting = NULL",
                (identifier, text),
            )

        await self._write(collection, identifier, work)

    async def delete(self, collection: str, identifier: str) -> None:
        sql = f"DELETE FROM {self._table(collection)} WHERE id = ?"
        await self._file.write(lambda connection: connection.run(sql, (identifier,)))

    async def scan(self, collection: str, batch: int = 500) -> AsyncIterator[Record]:
        sql = f"SELECT {COLUMNS} FROM {self._table(collection)} WHERE id > ? ORDER BY id LIMIT ?"

        async def page(last: str) -> list[Record]:
            return await self._file.read(lambda c: [record_of(row) for row in c.rows(sql, (last, batch))])

        found = await page("")
        while found:
            for record in found:
                yield record
            found = await page(found[-1].id) if len(found) == batch else []

    async def texts(self, collection: str, batch: int = 500) -> AsyncGenerator[list[StoredText], None]:
        columns = "id, version, head, state, outbox"
        sql = f"SELECT {columns} FROM {self._table(collection)} WHERE id > ? ORDER BY id LIMIT ?"
        last, more = "", True
        while more:
            rows = await self._file.read(functools.partial(Connection.rows, sql=sql, bindings=(last, batch)))
            more = len(rows) == batch
            if rows:
                last = rows[-1][0]
                yield [
                    StoredText(identifier, version, head, state, events_of(outbox))
                    for identifier, version, head, state, outbox in rows
                ]

    async def check(self) -> Mapping[str, str | int]:
        return await self._file.check()

    async def backup(self, target: Path, begun: asyncio.Event | None = None) -> None:
        await self._file.backup(target, begun)

    def _table(self, collection: str) -> str:
        if collection not in self._unique:
            raise LookupError(f"the collection {collection!r} was not declared")
        return table_of(collection)

    async def _write(self, collection: str, identifier: str, work: Callable[[Connection], Result]) -> Result:
        try:
            return await self._file.write(work)
        except errors.AlreadyExists as error:
            path = self._unique[collection].get(error.extra["field"], "id")
            what = identifier if path == "id" else f"another record with the {path} of {identifier}"
            raise errors.AlreadyExists(f"{what} exists already in {collection}", extra={"field": path}) from error


def _next_place(connection: Connection, table: str) -> int:
    """A place behind all records whose outbox waits."""
    row = connection.row(f"SELECT max(waiting) FROM {table} WHERE waiting IS NOT NULL")
    return 1 + (row[0] or 0 if row else 0)
