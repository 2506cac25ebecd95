"""The index of an event log that cannot look anything up: over partitions in memory, which are cut, lost and raced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.adapters import registry
from common.adapters.event_log.index import ENTRIES
from common.adapters.event_log.indexed import IndexedEventLog
from common.adapters.event_log.partitions import Merge, Offsets, Partitions, Stored
from common.filtering.conditions import Comparison
from common.ports.event_log import topic_of
from common.ports.record_store import RecordStore
from gateway_service.workers import event
from tests.eventually import until
from tests.factories import call


class MemoryPartitions(Partitions):
    """One partition of changes and two of calls; physical doubles are kept, as in a real one."""

    name = "memory"

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[int, dict[str, Any]]]] = {"state-0": [], "calls-0": [], "calls-1": []}
        self.first = dict.fromkeys(self.rows, 0)
        self.clock = 0
        self.lose_answers = False
        self.away = False

    async def open(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._reached()
        for one in events:
            self.clock += 1
            lane = "state-0" if topic_of(one) == "state" else f"calls-{hash(one['id']) % 2}"
            self.rows[lane].append((self.clock, dict(one)))
        if self.lose_answers:
            raise errors.Unavailable("the answer was lost")

    async def ends(self) -> dict[str, int]:
        self._reached()
        return {name: len(rows) for name, rows in self.rows.items()}

    async def starts(self) -> dict[str, int]:
        return dict(self.first)

    async def scan(self, begin: Offsets, end: Offsets) -> AsyncGenerator[list[Stored], None]:
        self._reached()
        merge = Merge(list(end))
        for name, behind in end.items():
            first = max(begin.get(name, 0), self.first[name])
            rows = enumerate(self.rows[name][first:behind], first)
            merge.feed(name, [(sent, Stored(name, place, event)) for place, (sent, event) in rows], last=True)
        await asyncio.sleep(0)
        yield merge.take()

    async def check(self) -> dict[str, str | int]:
        return {"size": 1}

    def _reached(self) -> None:
        if self.away:
            raise errors.Unavailable("the event log is away")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RecordStore]:
    async with registry.record_store(f"sqlite://{tmp_path}/index.db") as opened:
        yield opened


@pytest.fixture
def partitions() -> MemoryPartitions:
    return MemoryPartitions()


def state(number: int) -> dict[str, Any]:
    return {
        **call(number),
        "id": f"evt_{number}",
        "type": "autolearn.thing.made.v1",
        "subject": f"rec_{number}",
        "sequence": 1,
    }


async def arrivals(log: IndexedEventLog) -> list[tuple[int, str]]:
    return [(each.arrival, each.event["id"]) for each in await log.read(limit=10_000)]


async def test_many_indexers_give_the_same_numbers(store: RecordStore, partitions: MemoryPartitions) -> None:
    logs = [IndexedEventLog(partitions, store) for _ in range(4)]
    for log in logs:
        await log.open()
    events = [(state if number % 3 else call)(number) for number in range(1_300)]

    async def write() -> None:
        for start in range(0, 1_300, 130):
            await logs[0].append(events[start : start + 130])
            await asyncio.sleep(0)

    async def look(log: IndexedEventLog) -> None:
        for _ in range(4):
            await log.last_position()

    await asyncio.gather(write(), *(look(log) for log in logs))
    found = [await arrivals(log) for log in logs]
    assert all(one == found[0] for one in found)
    assert [identifier for _, identifier in found[0]] == [event["id"] for event in events]
    assert len({number for number, _ in found[0]}) == 1_300


@pytest.mark.parametrize("step", range(1, 9))
async def test_an_indexer_that_was_stopped_anywhere_is_followed_by_another(
    store: RecordStore, partitions: MemoryPartitions, step: int
) -> None:
    events = [state(number) for number in range(20)]
    await partitions.append([*events, events[3]])
    first = IndexedEventLog(partitions, store)
    await first.open()
    looking = asyncio.ensure_future(first.last_position())
    for _ in range(step * 3):
        await asyncio.sleep(0)
    looking.cancel()
    await asyncio.wait([looking])
    second = IndexedEventLog(partitions, store)
    await second.open()
    assert [identifier for _, identifier in await arrivals(second)] == [event["id"] for event in events]


async def test_of_doubles_far_apart_the_first_counts(store: RecordStore, partitions: MemoryPartitions) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    partitions.lose_answers = True
    with pytest.raises(errors.Unavailable):
        await log.append([state(1)])
    partitions.lose_answers = False
    await log.append([state(n) for n in range(2, 700)])
    last = await log.last_position()
    await log.append([{**state(1), "actor": "second"}])
    assert not await log.changed(last, 0)
    (found,) = await log.query(where=Comparison("id", "=", "evt_1"), limit=5)
    assert found.event["actor"] == "local"
    assert len(await log.read(limit=1_000)) == 699
    histories = {subject: events async for subject, events in log.histories()}
    assert [event["actor"] for event in histories["rec_1"]] == ["local"]


async def test_an_index_that_is_lost_is_made_again(
    store: RecordStore, partitions: MemoryPartitions, tmp_path: Path
) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    await log.append([state(1), call(2), state(3)])
    before = await arrivals(log)
    async with registry.record_store(f"sqlite://{tmp_path}/new.db") as new:
        again = IndexedEventLog(partitions, new)
        await again.open()
        assert await arrivals(again) == before


async def test_what_retention_removes_leaves_the_index(store: RecordStore, partitions: MemoryPartitions) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    calls = [call(number) for number in range(40)]
    await log.append([state(1), *calls])
    await log.last_position()
    partitions.first = {"state-0": 0, "calls-0": 5, "calls-1": len(partitions.rows["calls-1"])}
    again = IndexedEventLog(partitions, store)
    await again.open()
    await again.last_position()
    left = {event["id"] for _, event in partitions.rows["calls-0"][5:]}
    assert {identifier for _, identifier in await arrivals(again)} == left | {"evt_1"}


async def test_a_log_that_was_cut_is_read_anew_and_histories_tell(
    store: RecordStore, partitions: MemoryPartitions
) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    await log.append([state(1), state(2), state(3)])
    assert len(await log.history("training", "rec_3")) == 1
    partitions.rows["state-0"].clear()
    await log.append([state(4)])
    assert "evt_4" in [identifier for _, identifier in await arrivals(log)]
    # What the index still remembers is no proof that the log has it.
    assert await log.history("training", "rec_3") == await log.history("training", "rec_1") == []


async def test_a_log_that_is_away_is_unavailable_and_comes_back(
    store: RecordStore, partitions: MemoryPartitions
) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    await log.append([state(1)])
    partitions.away = True
    for asked in (log.append([state(2)]), log.read(limit=5), log.query(limit=5), log.last_position()):
        with pytest.raises(errors.Unavailable):
            await asked
    partitions.away = False
    await log.append([state(2)])
    assert len(await arrivals(log)) == 2


async def test_the_gateways_event_worker_keeps_the_index(store: RecordStore, partitions: MemoryPartitions) -> None:
    log = IndexedEventLog(partitions, store)
    await log.open()
    ((_, loop),) = event.loops(log, 0.001).items()
    partitions.away = True
    working = asyncio.create_task(loop())
    await asyncio.sleep(0)
    partitions.away = False
    await log.append([state(1), call(2)])
    await until(lambda: indexed(store, 2))
    await log.append([state(3)])
    await until(lambda: indexed(store, 3))
    working.cancel()
    await asyncio.wait([working])
    await log.close()


async def indexed(store: RecordStore, number: int) -> bool:
    return await store.count(ENTRIES.name) == number
