"""The layout of a record store: written once, and a store of another program is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common import errors
from common.adapters import registry
from common.ports.record_store import RecordStore
from common.records import installation


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RecordStore]:
    async with registry.record_store(f"sqlite://{tmp_path / 'records.db'}") as opened:
        yield opened


async def test_a_new_store_is_refused_until_it_is_initialised(store: RecordStore) -> None:
    with pytest.raises(errors.Conflict, match="autolearn admin init"):
        await installation.check(store)
    await installation.initialise(store)
    await installation.initialise(store)
    await installation.check(store)


async def test_another_layout_is_refused_and_left_as_it_is(store: RecordStore) -> None:
    await installation.initialise(store)
    await store.put_view(installation.COLLECTION.name, "layout", {"version": installation.LAYOUT + 1})
    with pytest.raises(errors.Conflict, match=f"has layout {installation.LAYOUT + 1}"):
        await installation.initialise(store)
