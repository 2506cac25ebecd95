"""What a MongoDB server does to its adapter: it dies, freezes and comes back. Each test has a server of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common import errors
from common.adapters import registry
from common.ports.record_store import RecordStore
from deploy.engines.engine import home
from deploy.engines.mongo import Mongo
from tests import engines
from tests.contract.record_stores import THINGS, append, event, record
from tests.eventually import until

pytestmark = [pytest.mark.external, pytest.mark.parametrize("driver", ["motor", "pymongo"])]
_SOON = 3.0
"""Seconds in which a request must be told that its record store is away."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Mongo]:
    engines.url("mongo")  # where there is none this is skipped, too
    root = tmp_path / "autolearn-engines"
    root.mkdir()
    (root / "installed").symlink_to(home() / "installed")
    own = Mongo(root)
    start(own)
    yield own
    own.down()


def start(engine: Mongo) -> None:
    """By a process of its own, which leaves it behind."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(engine.folder.parent.parent)}
    subprocess.run([sys.executable, "-m", "deploy.engines", "up", engine.name], env=environment, check=True)


@pytest.fixture
async def store(engine: Mongo, driver: str) -> AsyncIterator[RecordStore]:
    async with registry.record_store(f"{engine.up()}?driver={driver}") as opened:
        await opened.ensure(THINGS)
        yield opened


def _process(engine: Mongo) -> int:
    there = engine.running()
    assert there is not None
    return int(there["pid"])


async def _works(store: RecordStore) -> bool:
    try:
        return await store.touch("things", "a", envelope_set={"seen": 1})
    except errors.Unavailable:
        return False


async def test_a_kill_loses_nothing_acknowledged_and_heals_without_a_restart(engine: Mongo, store: RecordStore) -> None:
    """Writers go on through the kill as a caller would: what is unknown they read again."""
    await store.insert("things", record("a"))
    acknowledged: dict[str, list[int]] = {f"w{n}": [] for n in range(4)}
    killed = asyncio.Event()

    async def writer(name: str) -> None:
        version = 1
        await store.insert("things", record(name))
        while len(acknowledged[name]) < 400:
            try:
                await append(store, name, version, event=event(version + 1, by=name))
            except errors.Unavailable:
                if killed.is_set():
                    return
            except errors.VersionConflict:
                acknowledged[name].append(version + 1)  # it was carried out, and then its answer was lost twice
            else:
                acknowledged[name].append(version + 1)
            version = acknowledged[name][-1] if acknowledged[name] else 1

    writers = [asyncio.ensure_future(writer(name)) for name in acknowledged]
    await until(lambda: all(len(done) > 5 for done in acknowledged.values()), 20)
    os.kill(_process(engine), signal.SIGKILL)
    killed.set()
    await asyncio.gather(*writers)
    began = time.monotonic()
    with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1"):
        await store.get("things", "a")
    assert time.monotonic() - began < _SOON
    await asyncio.to_thread(start, engine)
    await until(lambda: _works(store), 20)
    for name, versions in acknowledged.items():
        found = await store.get("things", name)
        assert found is not None
        assert found.version in (versions[-1], versions[-1] + 1)  # one may have been carried out unacknowledged
        assert [item["sequence"] for item in found.outbox] == list(range(2, found.version + 1))


async def test_a_frozen_server_is_away_in_time_for_all_and_heals(engine: Mongo, store: RecordStore) -> None:
    await store.insert("things", record("a"))
    with engines.frozen(_process(engine)):
        began = time.monotonic()
        tries = [append(store, "a", 1), *(store.get("things", "a") for _ in range(100))]
        told = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(one, errors.Unavailable) for one in told)
        assert time.monotonic() - began < 2 * _SOON  # a busy machine is given twice what a request has
    await until(lambda: _works(store), 20)
    found = await store.get("things", "a")  # what was sent may have been carried out when the server woke up
    assert found is not None and found.version == 1 + len(found.outbox)
