"""Port: the record store, one document per record, one atomic write per change (architecture.md §4)."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from common import errors
from common.filtering.conditions import Condition
from common.filtering.sorting import Place, SortKey
from common.filtering.sorting import place as place_in
from common.ports.port import Port

DOCUMENT_LIMIT = 2_000_000
"""Bytes of JSON of state, envelope and outbox together."""
OUTBOX_LIMIT = 1_048_576
"""Bytes of JSON that may wait in one record's outbox."""


@dataclass(frozen=True)
class Record:
    """One aggregate as it is stored. All values are JSON (finite numbers, 64-bit integers, valid Unicode).

    `state` is what folding the events gives, `version` the number of events, `head` the hash of the last one ("" for
    none). `outbox` holds the events that have not been shipped, oldest first. `envelope` (lease, heartbeat, progress)
    raises no version and is outside verification.
    """

    id: str
    version: int
    head: str
    state: dict[str, Any]
    outbox: tuple[dict[str, Any], ...] = ()
    envelope: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What conditions, sort keys and guards see: `id`, `version`, `state.…` and `envelope.…`."""
        return {"id": self.id, "version": self.version, "state": self.state, "envelope": self.envelope}

    def place(self, sort: Sequence[SortKey]) -> Place:
        """Where this record stands in a list sorted so; the `after` of the next page."""
        return place_in(self.document(), self.id, sort)


class StoredText(NamedTuple):
    """What verification needs of a record; `state` is the JSON text that is stored, not decoded."""

    id: str
    version: int
    head: str
    state: str
    outbox: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Collection:
    """A named set of records with its indexes, as tuples of dotted paths below `state` or `envelope`.

    A unique path is sparse: records without a value there do not collide. Names and paths are the program's own,
    of `a-z 0-9 _`, in paths also `A-Z . @ -`.
    """

    name: str
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()


class RecordStore(Port):
    """Collections of records. A write is durable when the call returns; a read sees every write that has returned.

    Every write may raise `errors.StorageFull` or `errors.Unavailable` and then has changed nothing, except where the
    engine went away in between: then it is unknown, and the caller reads again. A collection must have been declared
    with `ensure`; an undeclared one is a `LookupError`, a mistake of the program.
    """

    @abstractmethod
    async def ensure(self, *collections: Collection) -> None:
        """Declare collections and build their indexes. Idempotent; never drops anything."""

    @abstractmethod
    async def insert(self, collection: str, record: Record) -> None:
        """Store a new record, its first events in its outbox.

        `errors.AlreadyExists` if the id or a unique value is taken; `extra["field"]` says which ("id" or the path).
        `errors.TooLarge` over `DOCUMENT_LIMIT`, `errors.Invalid` for what is not JSON.
        """

    @abstractmethod
    async def get(self, collection: str, identifier: str) -> Record | None:
        """The record, or None."""

    @abstractmethod
    async def get_many(self, collection: str, identifiers: Iterable[str]) -> dict[str, Record]:
        """The records that exist, by id; empty for no ids. Not a snapshot: each record is whole, the set may not be."""

    @abstractmethod
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
        """One event, in one write: the new state, version + 1, the new head, the event behind the others in the outbox.

        `envelope_set` maps paths below the envelope (`lease`, `lease.until`) to new values, None removes. `guard` maps
        paths of the whole document (`envelope.lease.token`) to the values they must still have, None means missing.

        `errors.VersionConflict` if version or guard differ, `errors.NotFound`, `errors.AlreadyExists` as `insert`;
        `errors.Unavailable` while the outbox would exceed `OUTBOX_LIMIT`, `errors.TooLarge` over `DOCUMENT_LIMIT`.
        Not idempotent by itself: a repeat meets `VersionConflict`, and the caller finds its event's hash as `head`.
        """

    @abstractmethod
    async def touch(
        self,
        collection: str,
        identifier: str,
        *,
        envelope_set: Mapping[str, Any],
        guard: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change the envelope only: no event, no version. False if there is no such record or a guard differs."""

    async def pull(self, collection: str, identifier: str, event_ids: Iterable[str]) -> None:
        """`pull_many` for one record."""
        await self.pull_many(collection, {identifier: event_ids})

    @abstractmethod
    async def pull_many(self, collection: str, event_ids: Mapping[str, Iterable[str]]) -> None:
        """Remove shipped events, listed by record id, from the outboxes.

        Idempotent: unknown events and records are ignored. Events keep their order; records need not change together.
        """

    @abstractmethod
    async def waiting(self, collection: str, limit: int) -> list[Record]:
        """At most `limit` records whose outbox is not empty, the one that has waited longest first."""

    @abstractmethod
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
        """One page of the records that fulfil `where`, in the order of `sort`.

        Missing values come last in both directions; ties are broken by id, in the direction of the last key (ascending
        without keys). `after` is the `place` of the last item of the page before, so items inserted meanwhile neither
        repeat nor hide others. `without` names paths below `state` that are left out of the answer, because a list
        should not load what it does not show; it must not name a sort key. Values of a path are of one scalar type.

        `errors.BadFilter` for a path outside `A-Z a-z 0-9 _ . @ -`.
        """

    @abstractmethod
    async def count(self, collection: str, where: Condition | None = None) -> int:
        """How many records fulfil `where`."""

    @abstractmethod
    async def put_view(self, collection: str, identifier: str, state: Mapping[str, Any]) -> None:
        """Write a document of a read model, replacing one that is there: no events, version 0. Errors as `insert`."""

    @abstractmethod
    async def delete(self, collection: str, identifier: str) -> None:
        """Remove a document with all it holds, also events that wait. Idempotent."""

    @abstractmethod
    def scan(self, collection: str, batch: int = 500) -> AsyncIterator[Record]:
        """Every record in the order of ids, `batch` in memory at a time; records that come meanwhile may be missed."""

    async def texts(self, collection: str, batch: int = 500) -> AsyncGenerator[list[StoredText], None]:
        """`scan`, a batch at a time, with states as text: in the canonical form where the adapter stores it."""
        async for one in self.scan(collection, batch):
            yield [StoredText(one.id, one.version, one.head, json.dumps(one.state, ensure_ascii=False), one.outbox)]

    async def insert_many(self, collection: str, records: Sequence[Record]) -> None:
        """`insert` for a few hundred records; on an error some of them may be there."""
        await asyncio.gather(*(self.insert(collection, record) for record in records))

    @abstractmethod
    async def check(self) -> Mapping[str, str | int]:
        """Facts for the doctor, `size` in bytes among them; `errors.IntegrityError` if the engine finds damage."""

    async def backup(self, target: Path, begun: asyncio.Event | None = None) -> None:
        """Write a copy of one moment to a new file while in use.

        `begun` is set when that moment has come: what is written from then on is not in the copy. `errors.Conflict` if
        the file exists, or where the engine brings its own tools.
        """
        raise errors.Conflict(f"{target} was not written: back this store up with the tools of its engine")
