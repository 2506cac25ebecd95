"""The contract of the event log, for every adapter."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.adapters import registry
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, holds
from common.ports.event_log import EventLog, Moment, facets
from tests.contract.kafka_topics import own_topics

Build = Callable[[], EventLog]


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.external)])
async def build(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Build]:
    """Makes adapters of one log, not open yet."""
    if request.param == "sqlite":
        yield lambda: registry.event_log(f"sqlite://{tmp_path}/events.db")
        return
    async with own_topics() as url, registry.record_store(f"sqlite://{tmp_path}/index.db") as store:
        yield lambda: registry.event_log(url, store)


@pytest.fixture
async def log(build: Build) -> AsyncIterator[EventLog]:
    async with build() as opened:
        yield opened


def state(record: str, sequence: int, *, second: int = 0, source: str = "training", **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"evt_{record}_{sequence}",
        "type": "autolearn.training.queued.v1",
        "source": source,
        "subject": record,
        "sequence": sequence,
        "time": f"2026-11-28T19:30:{second:02}.000Z",
        "actor": "ada",
        "traceparent": f"00-{sequence:032x}-{1:016x}-01",
        "data": {"session": "ses_1", "note": "żółw 🐢"},
        **more,
    }


def call(identifier: str, *, second: int = 0, **data: Any) -> dict[str, Any]:
    told = {"source": "session", "destination": "training", "route": "/v1/trainings", "outcome": "ok", **data}
    return {
        "specversion": "1.0",
        "id": identifier,
        "type": "autolearn.call.received.v1",
        "source": "training",
        "time": f"2026-11-28T19:30:{second:02}.000Z",
        "actor": "bob",
        "data": told,
    }


async def ids(log: EventLog, **query: Any) -> list[str]:
    return [found.event["id"] for found in await log.query(limit=100, **query)]


async def histories(log: EventLog, source: str | None = None) -> dict[str, list[int]]:
    return {record: [e["sequence"] for e in events] async for record, events in log.histories(source)}


def own_threads() -> set[threading.Thread]:
    """Without those of the event loop's executor, which looks names of hosts up."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


class TestAppend:
    async def test_events_come_back_as_they_were_in_the_order_of_arrival(self, log: EventLog) -> None:
        events = [
            state("b", 1),
            call("evt_c"),
            state("a", 1),
            {**state("z", 1), "data": {"text": "x" * 250_000}},
        ]
        await log.append(events[:2])
        await log.append(events[2:])
        found = await log.read(limit=10)
        assert [entry.event for entry in found] == events
        arrivals = [entry.arrival for entry in found]
        assert arrivals == sorted(set(arrivals)) and arrivals[0] >= 1
        assert await log.last_position() == arrivals[-1]

    async def test_every_kind_of_value_comes_back_as_it_was(self, log: EventLog) -> None:
        events = [
            state(
                "a", 1, causationid=None, flag=True, parts=["ż", {"n": 2**63 - 1}], data={"x": [1.5, None, "\u0000 🐢"]}
            ),
            state("a", 2, actor="", correlationid="ключ", data=None),
            state("a", 3, number=7),
            {name: value for name, value in call("evt_bare").items() if name != "data"},
        ]
        await log.append(events)
        assert [entry.event for entry in await log.read(limit=10)] == events
        (history,) = [history async for _, history in log.histories()]
        assert history[:2] == events[:2]

    async def test_empty(self, log: EventLog) -> None:
        await log.append([])
        assert await log.read(limit=10) == await log.query(limit=10) == []
        assert await histories(log) == {}
        assert await log.last_position() == 0

    async def test_of_one_id_the_first_counts(self, log: EventLog) -> None:
        await log.append([state("a", 1, actor="first"), state("a", 1, actor="second")])
        await log.append([state("a", 1, actor="third"), state("a", 2)])
        assert [entry.event["actor"] for entry in await log.read(limit=10)] == ["first", "ada"]

    async def test_many_writers_with_doubles(self, log: EventLog) -> None:
        events = [state(f"r{n:03}", 1) for n in range(100)]
        await asyncio.gather(*(log.append(events[n : n + 10]) for n in range(91)), *(log.append([e]) for e in events))
        assert sorted(entry.event["id"] for entry in await log.read(limit=1000)) == [e["id"] for e in events]

    async def test_batches_are_not_interleaved(self, log: EventLog) -> None:
        batches = [[state(f"r{n}", k) for k in range(1, 21)] for n in range(20)]
        await asyncio.gather(*(log.append(batch) for batch in batches))
        found = [entry.event["subject"] for entry in await log.read(limit=1000)]
        assert sum(before != after for before, after in itertools.pairwise(found)) == 19

    @pytest.mark.parametrize("name", ["id", "type", "source", "time"])
    async def test_a_batch_with_a_bad_event_changes_nothing(self, log: EventLog, name: str) -> None:
        bad = state("b", 1)
        del bad[name]
        with pytest.raises(errors.Invalid):
            await log.append([state("a", 1), bad])
        with pytest.raises(errors.Invalid):
            await log.append([state("a", 1), state("b", 1, data={"x": float("nan")})])
        assert await log.read(limit=10) == []


class TestRead:
    async def test_pages_and_topics(self, log: EventLog) -> None:
        await log.append([state("a", 1), call("c1"), state("a", 2), call("c2")])
        everything = await log.read(limit=10)
        first = await log.read(limit=3)
        assert first + await log.read(after=first[-1].arrival, limit=3) == everything
        assert [e.event["id"] for e in await log.read(limit=9, topic="call")] == ["c1", "c2"]
        assert [e.event["sequence"] for e in await log.read(limit=9, topic="state")] == [1, 2]
        assert await log.read(after=everything[-1].arrival, limit=9) == []

    async def test_waiting_for_an_arrival(self, log: EventLog) -> None:
        assert not await log.changed(0, 0.01)
        waiting = [asyncio.ensure_future(log.changed(0, 5)) for _ in range(3)]
        await asyncio.sleep(0)
        await log.append([state("a", 1)])
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await log.changed(0, 0.01)
        assert not await log.changed(await log.last_position(), 0.01)

    async def test_a_double_is_no_arrival(self, log: EventLog) -> None:
        await log.append([state("a", 1)])
        last = await log.last_position()
        await log.append([state("a", 1)])
        assert not await log.changed(last, 0.01)

    async def test_an_append_whose_caller_gave_up_still_wakes(self, log: EventLog) -> None:
        waiting = asyncio.ensure_future(log.changed(0, 5))
        appending = asyncio.ensure_future(log.append([state("a", 1)]))
        await asyncio.sleep(0)
        appending.cancel()
        assert await waiting
        assert len(await log.read(limit=5)) == 1


EVENTS = [
    state("trn_1", 1, second=3),
    state("trn_1", 2, second=5),
    state("ses_1", 1, second=1, source="session", data={}),
    state("trn_2", 1, second=3, data={"session": "ses_2"}),
    call("evt_c1", second=3, session="ses_2"),
    call("evt_c2", second=9, outcome="error", destination="storage", source="training"),
]
CONDITIONS: list[Condition] = [
    Comparison("service", "=", "session"),
    Comparison("peer", "=", "session"),
    Comparison("peer", "=", "storage"),
    Comparison("peer", "=", None),
    Comparison("kind", "=", "call"),
    Comparison("actor", "!=", "ada"),
    Comparison("route", "~", "TRAININGS"),
    Comparison("outcome", "=", "error"),
    Comparison("session", "=", "ses_1"),
    Comparison("record", "=", "trn_1"),
    Comparison("trace", "=", f"{2:032x}"),
    In("type", ("autolearn.call.received.v1",)),
    And(
        (
            Comparison("time", ">=", "2026-11-28T19:30:03.000Z"),
            Comparison("time", "<", "2026-11-28T19:30:09.000Z"),
        )
    ),
    Or((Comparison("session", "=", "ses_2"), Not(Comparison("service", "=", "training")))),
]


class TestQuery:
    @pytest.mark.parametrize("condition", CONDITIONS, ids=str)
    async def test_filters(self, log: EventLog, condition: Condition) -> None:
        await log.append(EVENTS)
        expected = {event["id"] for event in EVENTS if holds(condition, facets(event))}
        assert 0 < len(expected) < len(EVENTS)
        assert set(await ids(log, where=condition)) == expected

    @pytest.mark.parametrize("newest_first", [True, False])
    @pytest.mark.parametrize("limit", [1, 2, 100])
    async def test_pages_in_the_order_of_time_source_id(self, log: EventLog, newest_first: bool, limit: int) -> None:
        await log.append(EVENTS)
        ordered = sorted(EVENTS, key=lambda e: (e["time"], e["source"], e["id"]), reverse=newest_first)
        found: list[str] = []
        after: Moment | None = None
        while page := await log.query(newest_first=newest_first, after=after, limit=limit):
            found.extend(entry.event["id"] for entry in page)
            after = page[-1].moment
        assert found == [event["id"] for event in ordered]

    @pytest.mark.parametrize("path", ["body", "arrival", "state.x", "id; DROP TABLE event"])
    async def test_other_paths_are_refused(self, log: EventLog, path: str) -> None:
        with pytest.raises(errors.BadFilter):
            await log.query(where=Comparison(path, "=", "x"), limit=5)


class TestHistories:
    async def test_by_record_and_sequence_of_state_events_only(self, log: EventLog) -> None:
        await log.append([state("b", 2), state("a", 1), call("evt_c"), state("b", 1), state("c", 1, source="session")])
        assert await histories(log) == {"a": [1], "b": [1, 2], "c": [1]}
        assert await histories(log, "training") == {"a": [1], "b": [1, 2]}
        assert list(await histories(log)) == ["a", "b", "c"]

    async def test_of_one_place_in_a_history_the_first_arrival_counts(self, log: EventLog) -> None:
        await log.append([state("a", 2, id="x"), state("a", 1), state("a", 2, id="y"), state("a", 2, id="w")])
        ((_, events),) = [item async for item in log.histories()]
        assert [event["id"] for event in events] == ["evt_a_1", "x"]

    async def test_of_one_record(self, log: EventLog) -> None:
        await log.append([state("b", 2), state("a", 1), state("b", 1), state("b", 2, id="double"), state("b", 1)])
        assert [event["id"] for event in await log.history("training", "b")] == ["evt_b_1", "evt_b_2"]
        assert await log.history("session", "b") == await log.history("training", "c") == []

    async def test_more_than_a_batch(self, log: EventLog) -> None:
        await log.append([state(f"r{n % 7}", n // 7 + 1) for n in range(4_200)])
        texts = {record: history async for batch in log.texts() for record, history in batch}
        assert {record: [json.loads(text)["sequence"] for text in history] for record, history in texts.items()} == {
            f"r{n}": list(range(1, 601)) for n in range(7)
        }
        assert await histories(log) == {f"r{n}": list(range(1, 601)) for n in range(7)}


class TestLife:
    async def test_what_was_appended_is_there_after_reopening(self, build: Build) -> None:
        async with build() as log:
            await log.append([state("a", 1)])
            last = await log.last_position()
        async with build() as log:
            assert await log.changed(0, 0.01)
            await log.append([state("a", 2)])
            assert [entry.event["sequence"] for entry in await log.read(limit=5)] == [1, 2]
            assert await log.last_position() > last

    async def test_closing_wakes_who_waits_and_leaves_no_thread_or_task(self, build: Build) -> None:
        threads, tasks = own_threads(), asyncio.all_tasks()
        log = build()
        await log.open()
        waiting = asyncio.ensure_future(log.changed(0, 60))
        appending = asyncio.ensure_future(log.append([state("a", 1)] * 100))
        await asyncio.sleep(0)
        await log.close()
        await appending
        assert await waiting
        with pytest.raises(errors.Unavailable):
            await log.append([state("a", 2)])
        with pytest.raises(errors.Unavailable):
            await log.changed(99, 60)
        assert (own_threads(), asyncio.all_tasks()) == (threads, tasks)

    async def test_an_opening_that_is_cancelled_leaves_nothing_behind(self, build: Build) -> None:
        threads, tasks = own_threads(), asyncio.all_tasks()
        for turns in (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 80):
            log = build()
            opening = asyncio.ensure_future(log.open())
            for _ in range(turns):
                await asyncio.sleep(0.001)
            opening.cancel()
            await asyncio.wait([opening])
            await log.close()
            with pytest.raises(errors.Unavailable):
                await log.last_position()
            assert (own_threads(), asyncio.all_tasks()) == (threads, tasks)
        async with build() as log:
            await log.append([state("a", 1)])
            assert len(await log.read(limit=5)) == 1

    async def test_check_tells_its_size(self, log: EventLog) -> None:
        await log.append([state("a", 1)])
        assert int((await log.check())["size"]) > 0
