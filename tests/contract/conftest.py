"""The record store under test, of every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.adapters import registry
from common.ports.record_store import RecordStore
from tests.contract.record_stores import OTHERS, THINGS


@pytest.fixture(params=["sqlite"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"sqlite": f"sqlite://{tmp_path}/folder/records.db"}[request.param]


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[RecordStore]:
    async with registry.record_store(store_url) as opened:
        await opened.ensure(THINGS, OTHERS)
        yield opened
