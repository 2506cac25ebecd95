"""The relay: every event into the log, once, in order, whatever happens between two steps."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from common import errors
from common.adapters import registry
from common.ports.record_store import Collection, Record, RecordStore
from common.records.relay import Relay
from common.records.repository import Decision, Repository
from tests.eventually import until
from tests.factories import COUNTER, MovableLog, logged

COLLECTIONS = ("counters", "others")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RecordStore]:
    async with registry.record_store(f"sqlite://{tmp_path}/records.db") as opened:
        await opened.ensure(*(Collection(name) for name in COLLECTIONS))
        yield opened


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[MovableLog]:
    async with registry.event_log(f"sqlite://{tmp_path}/events.db") as inner:
        yield MovableLog(inner)


def repository(store: RecordStore, name: str = "counters", relay: Relay | None = None) -> Repository:
    return Repository(
        store,
        collection=Collection(name),
        source="tests",
        lifecycle=COUNTER,
        written=functools.partial(relay.wake, name) if relay else lambda: None,
    )


async def written(counters: Repository, identifier: str, raises: int) -> None:
    await counters.create(identifier, "counter.made", {})
    for _ in range(raises):
        await counters.decide(identifier, lambda _: Decision("counter.raised", {"by": 1}))


async def histories(log: MovableLog) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in await logged(log, "state"):
        found.setdefault(event["subject"], []).append(event["sequence"])
    return found


async def test_everything_that_waits_is_shipped_in_order_and_pulled(store: RecordStore, log: MovableLog) -> None:
    await written(repository(store), "a", 3)
    await written(repository(store), "b", 0)
    await written(repository(store, "others"), "c", 2)
    relay = Relay(store, log, COLLECTIONS, sweep=60)
    assert await relay.ship() == 8
    assert await relay.ship() == 0
    assert await histories(log) == {"a": [1, 2, 3, 4], "b": [1], "c": [1, 2, 3]}
    assert [await store.waiting(name, 10) for name in COLLECTIONS] == [[], []]


async def test_a_crash_between_append_and_pull_ships_no_double(store: RecordStore, log: MovableLog) -> None:
    counters = repository(store)
    await written(counters, "a", 2)
    relay = Relay(store, log, COLLECTIONS, sweep=60)
    log.crash_after_append = True
    with pytest.raises(errors.Unavailable):
        await relay.ship()
    assert len((await counters.get("a")).outbox) == 3
    log.crash_after_append = False
    await counters.decide("a", lambda _: Decision("counter.closed"))
    assert await Relay(store, log, COLLECTIONS, sweep=60).ship() == 4
    assert await histories(log) == {"a": [1, 2, 3, 4]}
    assert (await counters.get("a")).outbox == ()


async def test_more_than_a_batch(store: RecordStore, log: MovableLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.records.relay._BATCH", 3)
    for number in range(8):
        await repository(store).create(f"r{number}", "counter.made", {})
    assert await Relay(store, log, COLLECTIONS, sweep=60).ship() == 8
    assert [len(batch) for batch in log.batches] == [3, 3, 2]


async def test_a_write_wakes_it(store: RecordStore, log: MovableLog) -> None:
    async with Relay(store, log, COLLECTIONS, sweep=60) as relay:
        counters = repository(store, relay=relay)
        await counters.create("a", "counter.made", {})
        await until(lambda: histories(log))
        await counters.create("b", "counter.made", {})  # the first look was everywhere, this one is not
        await until(lambda: len(log.batches) == 2)
        assert await histories(log) == {"a": [1], "b": [1]}


async def test_writes_of_a_moment_go_in_one_shipment(store: RecordStore, log: MovableLog) -> None:
    async with Relay(store, log, COLLECTIONS, sweep=60) as relay:
        await written(repository(store, relay=relay), "a", 4)
        await until(lambda: histories(log))
        assert [len(batch) for batch in log.batches] == [5]


async def test_the_sweep_finds_what_nobody_told(store: RecordStore, log: MovableLog) -> None:
    async with Relay(store, log, COLLECTIONS, sweep=0.01):
        await repository(store).create("a", "counter.made", {})
        await until(lambda: histories(log))


async def test_a_log_that_is_away_is_told_and_made_up_for(store: RecordStore, log: MovableLog) -> None:
    log.away = True
    with structlog.testing.capture_logs():
        async with Relay(store, log, COLLECTIONS, sweep=0.01) as relay:
            counters = repository(store, relay=relay)
            await counters.create("a", "counter.made", {})
            await until(lambda: relay.behind)
            log.away = False
            await until(lambda: not relay.behind)
    assert await histories(log) == {"a": [1]}


async def test_a_log_that_comes_back_is_found_without_another_write(
    store: RecordStore, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.records.relay._RETRY", 0.05)
    log.away = True
    async with Relay(store, log, COLLECTIONS, sweep=1e6) as relay:
        with structlog.testing.capture_logs():
            await written(repository(store, relay=relay), "a", 0)
            await until(lambda: relay.behind)
            log.away = False
            await until(lambda: not relay.behind)
    assert await histories(log) == {"a": [1]}


async def test_a_record_store_that_is_away_is_not_told_as_the_log(
    store: RecordStore, log: MovableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(collection: str, limit: int) -> list[Record]:
        raise errors.Unavailable("the record store is away")

    with structlog.testing.capture_logs() as told:
        async with Relay(store, log, COLLECTIONS, sweep=0.01) as relay:
            await repository(store, relay=relay).create("a", "counter.made", {})
            monkeypatch.setattr(store, "waiting", away)
            await until(lambda: told)
            assert not relay.behind
            monkeypatch.undo()
            await until(lambda: histories(log))


async def test_closing_ships_what_it_can_and_leaves_the_rest(store: RecordStore, log: MovableLog) -> None:
    async with Relay(store, log, COLLECTIONS, sweep=60):
        await repository(store).create("a", "counter.made", {})
    assert await histories(log) == {"a": [1]}
    log.away = True
    with structlog.testing.capture_logs() as told:
        async with Relay(store, log, COLLECTIONS, sweep=60):
            await repository(store).create("b", "counter.made", {})
    assert [one["event"] for one in told] == ["events stay in their outboxes until the next start"]
    assert len(await store.waiting("counters", 10)) == 1
