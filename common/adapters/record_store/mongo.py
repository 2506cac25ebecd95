"""The record store in MongoDB: a collection for each collection, a document a record, one command for each write.

Every write is conditioned on what it expects to find (id, version, guards), so that it can be sent again when its
answer was lost; whether the first one had been carried out is read from the version, the head and the waiting events.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from common import errors
from common.adapters.json_text import canonical_text, dumped
from common.adapters.mongo_connection import MongoConnection, Taken
from common.adapters.mongo_document import (
    Change,
    Document,
    document_of,
    place,
    record_of,
    shipped,
    unchanged,
    unique_name,
    unique_path,
)
from common.adapters.mongo_query import compiled, joined, stretches
from common.adapters.record_document import broken_guard
from common.filtering.conditions import Condition, value_at
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import DOCUMENT_LIMIT, Collection, Record, RecordStore, StoredText

_UNIQUE = "unique:"
_LAYOUT, _VERSION = "layout", 1
"""Where the database says how its documents are laid out, and which layout is this one."""


class MongoRecordStore(RecordStore):
    """`mongodb://USER:PASSWORD@HOST:PORT/DATABASE`, or `mongodb+srv://…`; see `MongoConnection`."""

    def __init__(self, url: str) -> None:
        self._mongo = MongoConnection(url)
        self._unique: dict[str, tuple[str, ...]] = {}
        self._now = 0

    async def open(self) -> None:
        await self._mongo.open()

    async def close(self) -> None:
        await self._mongo.close()

    async def ensure(self, *collections: Collection) -> None:
        await self._check_layout()
        for collection in collections:
            indexes: list[tuple[str, Sequence[str], Mapping[str, Any]]] = [("waiting", ("waiting",), {"sparse": True})]
            for paths in collection.indexes:
                name = hashlib.sha256(" ".join(paths).encode()).hexdigest()[:16]
                indexes.append((f"index:{name}", (*(place(path) for path in paths), "_id"), {}))
            for path in collection.unique:
                name = unique_name(path)
                indexes.append((f"{_UNIQUE}{name}", (f"unique.{name}",), {"unique": True, "sparse": True}))
            await self._mongo.index(collection.name, indexes)
            self._unique[collection.name] = collection.unique

    async def _check_layout(self) -> None:
        mark = {"_id": "records", "version": _VERSION}
        found = await self._mongo.find(_LAYOUT, {"_id": mark["_id"]})
        if not found:
            with suppress(Taken):  # another process was first
                await self._mongo.insert(_LAYOUT, mark)
        elif found[0]["version"] != _VERSION:
            raise errors.IntegrityError(
                f"the records in {self._mongo.where} have layout {found[0]['version']}, and this version of AutoLearn"
                f" reads {_VERSION}; use the version that wrote them, or another database"
            )

    async def insert(self, collection: str, record: Record) -> None:
        unique = self._declared(collection)
        await self._insert(collection, document_of(record, unique, self._moment()))

    async def _insert(self, collection: str, document: Document, *, again: bool = False) -> None:
        try:
            await self._mongo.insert(collection, document)
        except Taken as error:
            # The one that is there may be this one: its answer was lost.
            if not ((again or error.again) and await self._is(collection, document)):
                self._exists(collection, document["_id"], error)

    async def insert_many(self, collection: str, records: Sequence[Record]) -> None:
        unique = self._declared(collection)
        documents = [document_of(record, unique, self._moment()) for record in records]
        if not documents:
            return
        try:
            await self._mongo.insert_many(collection, documents)
        except Taken as error:
            if not error.again:
                self._exists(collection, "one of the records", error)
            for document in documents:  # some are there since the first attempt
                await self._insert(collection, document, again=True)

    async def get(self, collection: str, identifier: str) -> Record | None:
        return (await self.get_many(collection, (identifier,))).get(identifier)

    async def get_many(self, collection: str, identifiers: Iterable[str]) -> dict[str, Record]:
        self._declared(collection)
        wanted = list(dict.fromkeys(identifiers))
        if not wanted:
            return {}
        where: Document = {"_id": wanted[0] if len(wanted) == 1 else {"$in": wanted}}
        return {found["_id"]: record_of(found) for found in await self._mongo.find(collection, where)}

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
        change = Change(self._declared(collection)).append(state, head, event, self._moment())
        change.envelope(envelope_set or {})
        room = change.room()
        if change.bytes > DOCUMENT_LIMIT:
            raise errors.TooLarge(
                f"{identifier} would take {change.bytes} bytes; a record holds at most {DOCUMENT_LIMIT}"
            )
        where: Document = {"_id": identifier, "version": expected_version, "outbox_size": {"$lte": room}}
        if guard:
            where["$and"] = unchanged(guard)
        try:
            written = await self._mongo.update(collection, where, change.update())
        except Taken as error:
            self._exists(collection, identifier, error)
        if not written.result:
            found = await self.get(collection, identifier)
            if written.again and found is not None and _has(found, expected_version + 1, head, event):
                return
            _refuse(collection, identifier, found, expected_version, guard or {}, room)

    async def touch(
        self,
        collection: str,
        identifier: str,
        *,
        envelope_set: Mapping[str, Any],
        guard: Mapping[str, Any] | None = None,
    ) -> bool:
        change = Change(self._declared(collection)).envelope(envelope_set)
        where: Document = {"_id": identifier}
        if guard:
            where["$and"] = unchanged(guard)
        try:
            written = await self._mongo.update(collection, where, change.update())
        except Taken as error:
            self._exists(collection, identifier, error)
        if written.again and not written.result:
            # The first attempt may have changed what the guard looks at: then all is as it was to be.
            found = await self.get(collection, identifier)
            return found is not None and all(
                value_at(found.envelope, path) == envelope_set[path] for path in envelope_set
            )
        return written.result

    async def pull_many(self, collection: str, event_ids: Mapping[str, Iterable[str]]) -> None:
        self._declared(collection)
        gone = {identifier: frozenset(ids) for identifier, ids in event_ids.items()}
        wanted = [identifier for identifier, ids in gone.items() if ids]
        while wanted:
            found = await self._mongo.find(
                collection, {"_id": {"$in": wanted}}, projection={"version": 1, "outbox.id": 1, "outbox.size": 1}
            )
            changes = [change for one in found if (change := shipped(one, gone[one["_id"]])) is not None]
            if not changes or (await self._mongo.update_many(collection, changes)).result == len(changes):
                return
            wanted = [where["_id"] for where, _ in changes]  # some had a new event meanwhile: look again

    async def waiting(self, collection: str, limit: int) -> list[Record]:
        self._declared(collection)
        found = await self._mongo.find(collection, {"waiting": {"$gt": 0}}, sort={"waiting": 1}, limit=limit)
        return [record_of(one) for one in found]

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
        self._declared(collection)
        condition = {} if where is None else compiled(where)
        projection: Document = {place(f"state.{path}"): 0 for path in without}
        found: list[Document] = []
        for stretch in list(stretches(sort, after)):
            left, there = limit - len(found), joined(condition, stretch.where)
            if left <= 0:
                break
            if stretch.missing:
                found += await self._mongo.aggregate(collection, stretch.pipeline(there, left, projection))
            else:
                found += await self._mongo.find(
                    collection, there, projection=projection or None, sort=stretch.order, limit=left
                )
        return [record_of(one) for one in found]

    async def count(self, collection: str, where: Condition | None = None) -> int:
        self._declared(collection)
        return await self._mongo.count(collection, {} if where is None else compiled(where))

    async def put_view(self, collection: str, identifier: str, state: Mapping[str, Any]) -> None:
        unique = self._declared(collection)
        document = document_of(Record(identifier, 0, "", dict(state)), unique, 0)
        for again in (False, True):
            try:
                return await self._mongo.replace(collection, identifier, document)
            except Taken as error:
                # Two who put the first one at once: the engine finds none for both, and one of them too late.
                if again or error.index.startswith(_UNIQUE):
                    self._exists(collection, identifier, error)

    async def delete(self, collection: str, identifier: str) -> None:
        self._declared(collection)
        await self._mongo.delete(collection, identifier)

    async def scan(self, collection: str, batch: int = 500) -> AsyncIterator[Record]:
        async for found in self._batches(collection, batch):
            for record in found:
                yield record

    async def texts(self, collection: str, batch: int = 500) -> AsyncGenerator[list[StoredText], None]:
        async for found in self._batches(collection, batch):
            yield [StoredText(one.id, one.version, one.head, canonical_text(one.state), one.outbox) for one in found]

    async def _batches(self, collection: str, batch: int) -> AsyncGenerator[list[Record], None]:
        self._declared(collection)
        where: Document = {}
        while True:
            found = await self._mongo.find(collection, where, sort={"_id": 1}, limit=batch, long=True)
            if found:
                yield [record_of(one) for one in found]
            if len(found) < batch:
                return
            where = {"_id": {"$gt": found[-1]["_id"]}}

    async def check(self) -> Mapping[str, str | int]:
        told = await self._mongo.statistics()
        return {"database": self._mongo.where, "size": int(told["storageSize"]) + int(told["indexSize"])}

    def _declared(self, collection: str) -> tuple[str, ...]:
        """The unique paths of a collection."""
        if collection not in self._unique:
            raise LookupError(f"the collection {collection!r} was not declared")
        return self._unique[collection]

    def _moment(self) -> int:
        """Microseconds since 1970 that grow with each call, so that what waits has an order."""
        self._now = max(self._now + 1, time.time_ns() // 1_000)
        return self._now

    async def _is(self, collection: str, document: Document) -> bool:
        found = await self._mongo.find(
            collection, {"_id": document["_id"]}, projection={"version": 1, "head": 1, "waiting": 1}
        )
        return bool(found) and all(found[0].get(name) == document.get(name) for name in ("version", "head", "waiting"))

    def _exists(self, collection: str, identifier: str, error: Taken) -> NoReturn:
        path = unique_path(error.index.removeprefix(_UNIQUE)) if error.index.startswith(_UNIQUE) else "id"
        what = identifier if path == "id" else f"another record with the {path} of {identifier}"
        raise errors.AlreadyExists(f"{what} exists already in {collection}", extra={"field": path}) from error


def _has(found: Record, version: int, head: str, event: Mapping[str, Any]) -> bool:
    """Whether this very event is in the record: as its last one, or waiting. Another writer's has the same id."""
    text = dumped(event)
    return (found.version == version and found.head == head) or any(dumped(one) == text for one in found.outbox)


def _refuse(
    collection: str,
    identifier: str,
    found: Record | None,
    expected: int,
    guard: Mapping[str, Any],
    room: int,
) -> NoReturn:
    """Say why an event was not appended to what was found."""
    if found is None:
        raise errors.NotFound(f"there is no {identifier} in {collection}")
    if found.version != expected:
        raise errors.VersionConflict(f"{identifier} is at version {found.version}, not {expected}")
    if broken := broken_guard(found, guard):
        raise errors.VersionConflict(f"{broken} of {identifier} has changed")
    if not found.outbox and room >= 0:
        raise errors.VersionConflict(f"{identifier} was changed in between")
    raise errors.Unavailable(f"the events of {identifier} wait for the event log; try again later", retry_after=5)
