"""Records over the record store: every change is one decided event, saved with the state it leads to in one write."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import errors
from common.ports.record_store import Collection, Record, RecordStore
from common.records.event import digest, state_event
from common.records.lifecycle import Lifecycle

_TRIES = 50


@dataclass(frozen=True)
class Decision:
    """The event that a command leads to, and what the same write puts beside it in the envelope (null removes)."""

    event: str
    data: Mapping[str, Any] = field(default_factory=dict)
    envelope: Mapping[str, Any] = field(default_factory=dict)
    guard: Mapping[str, Any] = field(default_factory=dict)


Decider = Callable[[Record], Decision | None]


class Repository:
    """All records of one kind, with their lifecycle.

    `written` is called after every write, so that the relay ships the event at once; the sweep would find it anyway.
    """

    def __init__(
        self,
        store: RecordStore,
        *,
        collection: Collection,
        source: str,
        lifecycle: Lifecycle,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        self.store, self.collection, self.source, self.lifecycle = store, collection, source, lifecycle
        self._written = written

    @property
    def name(self) -> str:
        """The name of the collection."""
        return self.collection.name

    async def create(
        self, identifier: str, event: str, data: Mapping[str, Any], *, envelope: Mapping[str, Any] | None = None
    ) -> Record:
        """Insert a record at version 1. Raises `errors.AlreadyExists` when its id or a unique field is taken."""
        first = state_event(event, source=self.source, subject=identifier, sequence=1, data=data, prevhash="")
        state = self.lifecycle.fold(None, first)
        record = Record(
            identifier,
            1,
            digest(first),
            state,
            (first,),
            {**(envelope or {}), "time": first["time"], "rid": identifier[::-1]},
        )
        await self.store.insert(self.name, record)
        self._written()
        return record

    async def ensure(
        self, identifier: str, event: str, data: Mapping[str, Any], *, envelope: Mapping[str, Any] | None = None
    ) -> Record:
        """`create`, or the record that is there already: for derived ids, where a repeat means the same thing."""
        try:
            return await self.create(identifier, event, data, envelope=envelope)
        except errors.AlreadyExists:
            return await self.get(identifier)

    async def find(self, identifier: str) -> Record | None:
        """The record, or None."""
        return await self.store.get(self.name, identifier)

    async def get(self, identifier: str) -> Record:
        """The record. Raises `errors.NotFound`."""
        record = await self.find(identifier)
        if record is None:
            raise errors.NotFound(f"there is no {self.lifecycle.record} {identifier}")
        return record

    async def append(self, record: Record, decision: Decision) -> Record:
        """Save one event against the version that was read. Raises `errors.VersionConflict` when it has moved on."""
        event = state_event(
            decision.event,
            source=self.source,
            subject=record.id,
            sequence=record.version + 1,
            data=decision.data,
            prevhash=record.head,
            after=str(record.envelope.get("time", "")),
        )
        state = self.lifecycle.fold(record.state, event)
        head = digest(event)
        envelope = {**decision.envelope, "time": event["time"]}
        await self.store.append(
            self.name,
            record.id,
            expected_version=record.version,
            state=state,
            head=head,
            event=event,
            envelope_set=envelope,
            guard=decision.guard,
        )
        self._written()
        kept = {name: value for name, value in {**record.envelope, **envelope}.items() if value is not None}
        return Record(record.id, record.version + 1, head, state, (*record.outbox, event), kept)

    async def decide(self, identifier: str, decider: Decider) -> Record:
        """Load, decide, save; when somebody was faster, load and decide again.

        `decider` sees the record as it is and gives the event to save, or None when there is nothing to do (any more):
        that is what makes a repeated command a no-op.
        """
        for attempt in range(_TRIES):
            record = await self.get(identifier)
            decision = decider(record)
            if decision is None:
                return record
            try:
                return await self.append(record, decision)
            except errors.VersionConflict:
                # Full jitter: writers of one record must not meet again at the same moment.
                await asyncio.sleep(random.uniform(0, min(0.002 * 2**attempt, 0.25)))  # noqa: S311 - not a secret
        raise errors.Unavailable(f"{self.lifecycle.record} {identifier} is changed by too many at once", retry_after=1)

    async def page(self, **query: Any) -> Sequence[Record]:
        """Some records; see `RecordStore.find` for what can be asked."""
        return await self.store.find(self.name, **query)
