"""What a record store says of the installation that it belongs to: the layout of its records."""

from __future__ import annotations

from common import errors
from common.ports.record_store import Collection, RecordStore

COLLECTION = Collection("installation")
LAYOUT = 1
"""Raised with every change of stored records that an older or newer program would misread."""
_ID = "layout"


async def initialise(store: RecordStore) -> None:
    """Write the layout down where none is. Raises `errors.Conflict` as `check`."""
    await store.ensure(COLLECTION)
    if await store.get(COLLECTION.name, _ID) is None:
        await store.put_view(COLLECTION.name, _ID, {"version": LAYOUT})
    await check(store)


async def check(store: RecordStore) -> None:
    """Raises `errors.Conflict` when the store was never initialised, or by a program with another layout."""
    await store.ensure(COLLECTION)
    found = await store.get(COLLECTION.name, _ID)
    if found is None:
        raise errors.Conflict("the record store is not initialised: run `autolearn admin init` once")
    version = found.state.get("version")
    if version != LAYOUT:
        raise errors.Conflict(
            f"the record store has layout {version}, this program works with {LAYOUT}; use the version of AutoLearn"
            " that wrote it"
        )
