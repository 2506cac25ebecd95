"""The record store under test, of every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest

from common.adapters import registry
from common.ports.record_store import RecordStore
from tests import engines
from tests.contract.record_stores import OTHERS, THINGS


@pytest.fixture(scope="session")
def databases() -> Iterator[list[str]]:
    """URLs of databases that are dropped when all tests are done."""
    made: list[str] = []
    yield made
    if made:
        with pymongo.MongoClient[dict[str, Any]](made[0]) as client:
            for url in made:
                client.drop_database(urlsplit(url).path.strip("/"))


@pytest.fixture(
    params=["sqlite", *(pytest.param(name, marks=pytest.mark.external) for name in ("mongo-motor", "mongo-pymongo"))]
)
def store_url(request: pytest.FixtureRequest, databases: list[str], tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/folder/records.db"
    url = engines.own("mongo")
    databases.append(url)
    return f"{url}{'&' if '?' in url else '?'}driver={request.param.removeprefix('mongo-')}"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[RecordStore]:
    async with registry.record_store(store_url) as opened:
        await opened.ensure(THINGS, OTHERS)
        yield opened
