"""Records: one decided event, one write, however many decide at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import errors
from common.adapters import registry
from common.ports.record_store import Collection, Record, RecordStore
from common.records import references
from common.records.event import digest
from common.records.references import REVERSED
from common.records.repository import Decision, Repository
from tests.factories import COUNTER

COLLECTION = Collection("counters", indexes=((REVERSED,),), unique=("state.key",))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RecordStore]:
    async with registry.record_store(f"sqlite://{tmp_path}/records.db") as opened:
        await opened.ensure(COLLECTION)
        yield opened


@pytest.fixture
def counters(store: RecordStore) -> Repository:
    return Repository(store, collection=COLLECTION, source="tests", lifecycle=COUNTER)


def refolded(record: Record) -> dict[str, Any]:
    state: dict[str, Any] | None = None
    for event in record.outbox:
        state = COUNTER.fold(state, event)
    assert state is not None
    return state


def holds_together(record: Record) -> None:
    """What must be true of every record whose events have not been shipped."""
    assert [event["sequence"] for event in record.outbox] == list(range(1, record.version + 1))
    assert {event["subject"] for event in record.outbox} == {record.id}
    assert record.outbox[0]["prevhash"] == ""
    for before, event in itertools.pairwise(record.outbox):
        assert event["prevhash"] == digest(before)
        assert event["time"] >= before["time"]
    assert record.head == digest(record.outbox[-1])
    assert refolded(record) == record.state


async def test_fifty_who_decide_at_once_all_succeed_without_a_gap(counters: Repository) -> None:
    await counters.create("ctr_1", "counter.made", {"name": "c"})
    await asyncio.gather(
        *(counters.decide("ctr_1", lambda _: Decision("counter.raised", {"by": 1})) for _ in range(50))
    )
    record = await counters.get("ctr_1")
    assert (record.version, record.state["count"]) == (51, 50)
    holds_together(record)


async def test_only_one_of_many_closes_and_the_others_do_nothing(counters: Repository) -> None:
    await counters.create("ctr_1", "counter.made", {})

    def close(record: Record) -> Decision | None:
        return Decision("counter.closed") if record.state["state"] == "open" else None

    found = await asyncio.gather(*(counters.decide("ctr_1", close) for _ in range(20)))
    assert {record.version for record in found} == {2}
    holds_together(await counters.get("ctr_1"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.lists(st.tuples(st.integers(0, 10), st.integers(-5, 5)), max_size=12))
async def test_any_sequence_that_the_table_allows_folds_to_the_state(
    counters: Repository, choices: list[tuple[int, int]]
) -> None:
    await counters.store.delete("counters", "ctr_1")
    returned = await counters.create("ctr_1", "counter.made", {"name": "c"})
    for choice, number in choices:
        allowed = sorted(name for state, name in COUNTER.transitions if state == returned.state["state"])
        name = allowed[choice % len(allowed)]
        data: dict[str, Any] = {"by": number} if name == "counter.raised" else {"note": number or None}
        returned = await counters.append(returned, Decision(name, data, {"lease": number or None}))
    stored = await counters.get("ctr_1")
    holds_together(stored)
    assert stored == returned


async def test_a_refused_event_changes_nothing(counters: Repository) -> None:
    before = await counters.create("ctr_1", "counter.made", {})
    with pytest.raises(errors.Conflict):
        await counters.decide("ctr_1", lambda _: Decision("counter.opened"))
    assert await counters.get("ctr_1") == before


async def test_a_decision_against_an_old_version_or_a_lost_guard_is_refused(counters: Repository) -> None:
    first = await counters.create("ctr_1", "counter.made", {}, envelope={"lease": {"token": "a"}})
    with pytest.raises(errors.VersionConflict):
        await counters.append(first, Decision("counter.closed", guard={"envelope.lease.token": "b"}))
    await counters.append(first, Decision("counter.raised", {"by": 1}, guard={"envelope.lease.token": "a"}))
    with pytest.raises(errors.VersionConflict):
        await counters.append(first, Decision("counter.raised", {"by": 1}))
    assert (await counters.get("ctr_1")).version == 2


async def test_ensure_makes_one_record_however_often(counters: Repository) -> None:
    made = await asyncio.gather(*(counters.ensure("ctr_1", "counter.made", {"name": "c"}) for _ in range(10)))
    assert {(one.version, one.head) for one in made} == {(1, made[0].head)}


async def test_a_unique_field_is_taken_once(counters: Repository) -> None:
    await counters.create("ctr_1", "counter.made", {"key": "k"})
    with pytest.raises(errors.AlreadyExists):
        await counters.create("ctr_2", "counter.made", {"key": "k"})
    with pytest.raises(errors.NotFound, match="there is no counter ctr_2"):
        await counters.get("ctr_2")


async def test_who_never_wins_is_told_to_come_back(counters: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(*_: Any, **__: Any) -> None:
        raise errors.VersionConflict()

    await counters.create("ctr_1", "counter.made", {})
    monkeypatch.setattr("common.records.repository._TRIES", 3)
    monkeypatch.setattr(counters.store, "append", lose)
    with pytest.raises(errors.Unavailable) as refused:
        await counters.decide("ctr_1", lambda _: Decision("counter.closed"))
    assert refused.value.retry_after


async def test_every_write_is_told(store: RecordStore) -> None:
    told: list[None] = []
    counters = Repository(
        store, collection=COLLECTION, source="tests", lifecycle=COUNTER, written=lambda: told.append(None)
    )
    await counters.create("ctr_1", "counter.made", {})
    await counters.decide("ctr_1", lambda _: Decision("counter.closed"))
    await counters.decide("ctr_1", lambda _: None)
    assert len(told) == 2


class TestReferences:
    ONE, TWO = f"ctr_{'0' * 24}aabbccdd", f"ctr_{'1' * 24}eebbccdd"

    @pytest.fixture
    async def known(self, counters: Repository) -> Repository:
        for identifier in (self.ONE, self.TWO):
            await counters.create(identifier, "counter.made", {})
        return counters

    @pytest.mark.parametrize("reference", [ONE, "aabbccdd", "0aabbccdd", "ctr_aabbccdd", ONE.removeprefix("ctr_")])
    async def test_an_id_or_an_ending_finds_the_record(self, known: Repository, reference: str) -> None:
        assert (await references.by_id(known, reference)).id == self.ONE

    @pytest.mark.parametrize(
        "reference",
        ["", "ccdd", "bccdd", "ffffff", "AABBCCDD", "aabbccdd~", "aabbcc", "%", "ctr_", "trn_aabbccdd",
         "trn_" + ONE[4:], "0" * 33 + "aabbccdd"],
    )  # fmt: skip
    async def test_anything_else_does_not(self, known: Repository, reference: str) -> None:
        with pytest.raises(errors.NotFound):
            await references.by_id(known, reference)

    async def test_an_ending_of_two_names_both(self, known: Repository) -> None:
        with pytest.raises(errors.AmbiguousReference) as refused:
            await references.by_id(known, "bbccdd")
        assert sorted(refused.value.extra["candidates"]) == [self.ONE, self.TWO]
