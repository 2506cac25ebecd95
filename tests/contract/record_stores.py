"""Records, and a store to put them in, for the contract of the record store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from common.filtering.conditions import Condition
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import Collection, Record, RecordStore

THINGS = Collection(
    "things",
    indexes=(("state.measures.f1",), ("state.created",), ("state.session", "state.created")),
    unique=("state.key", "envelope.slot"),
)
OTHERS = Collection("others")


def event(number: int, **data: Any) -> dict[str, Any]:
    return {"id": f"evt_{number}", "sequence": number, "data": data}


def record(identifier: str, *, outbox: Sequence[dict[str, Any]] = (), **state: Any) -> Record:
    return Record(identifier, 1, "first", state, tuple(outbox))


async def fill(store: RecordStore, states: dict[str, dict[str, Any]]) -> None:
    await asyncio.gather(*(store.insert("things", record(key, **state)) for key, state in states.items()))


async def append(store: RecordStore, identifier: str, version: int, **more: Any) -> None:
    """One event whose state tells its number."""
    options = {"state": {"n": version + 1}, "head": f"h{version + 1}", "event": event(version + 1), **more}
    await store.append("things", identifier, expected_version=version, **options)


async def pages(store: RecordStore, sort: Sequence[SortKey], size: int, where: Condition | None = None) -> list[Record]:
    """The whole list, read page by page."""
    found: list[Record] = []
    after: Place | None = None
    while page := await store.find("things", where=where, sort=sort, after=after, limit=size):
        found.extend(page)
        after = page[-1].place(sort)
    return found
