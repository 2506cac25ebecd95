"""The contract of the record store, for every adapter."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from common import errors
from common.adapters import registry
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, holds
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import DOCUMENT_LIMIT, OUTBOX_LIMIT, Collection, Record, RecordStore

THINGS = Collection(
    "things",
    indexes=(("state.measures.f1",), ("state.created",), ("state.session", "state.created")),
    unique=("state.key", "envelope.slot"),
)
OTHERS = Collection("others")


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    return {"sqlite": f"sqlite://{tmp_path}/folder/records.db"}[request.param]


@pytest.fixture
async def store(url: str) -> AsyncIterator[RecordStore]:
    async with registry.record_store(url) as opened:
        await opened.ensure(THINGS, OTHERS)
        yield opened


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


class TestInsertAndGet:
    async def test_a_record_comes_back_as_it_was(self, store: RecordStore) -> None:
        stored = Record(
            "thing_1",
            1,
            "abc",
            {"text": "żółw 🐢 \u0000 '\"\\", "big": 2**63 - 1, "small": -(2**63), "real": 0.1, "none": None, "l": [{}]},
            (event(1, note="ü"),),
            {"lease": {"token": "t"}},
        )  # fmt: skip
        await store.insert("things", stored)
        assert await store.get("things", "thing_1") == stored

    async def test_unknown_is_none(self, store: RecordStore) -> None:
        assert await store.get("things", "nobody") is None

    async def test_collections_are_apart(self, store: RecordStore) -> None:
        await store.insert("things", record("a", n=1))
        await store.insert("others", record("a", n=2))
        assert (await store.get_many("others", ["a"]))["a"].state == {"n": 2}

    async def test_the_same_id_is_refused(self, store: RecordStore) -> None:
        await store.insert("things", record("a", n=1))
        with pytest.raises(errors.AlreadyExists) as caught:
            await store.insert("things", record("a", n=2))
        assert caught.value.extra["field"] == "id"
        assert (await store.get_many("things", ["a"]))["a"].state == {"n": 1}

    async def test_a_unique_value_is_refused_and_named(self, store: RecordStore) -> None:
        await store.insert("things", record("a", key="k"))
        with pytest.raises(errors.AlreadyExists) as caught:
            await store.insert("things", record("b", key="k"))
        assert caught.value.extra["field"] == "state.key"
        assert await store.get("things", "b") is None

    async def test_unique_paths_are_sparse(self, store: RecordStore) -> None:
        await fill(store, {"a": {}, "b": {}, "c": {"key": None}})
        assert await store.count("things") == 3

    async def test_of_many_with_one_unique_value_one_wins(self, store: RecordStore) -> None:
        tries = (store.insert("things", record(f"r{n}", key="same")) for n in range(50))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, errors.AlreadyExists) for result in results) == 49

    async def test_get_many_takes_what_is_there(self, store: RecordStore) -> None:
        await fill(store, {"a": {"n": 1}, "b": {"n": 2}})
        found = await store.get_many("things", ["b", "nobody", "a", "b"])
        assert {key: value.state["n"] for key, value in found.items()} == {"a": 1, "b": 2}
        assert await store.get_many("things", []) == {}

    async def test_a_document_over_the_limit_is_refused(self, store: RecordStore) -> None:
        with pytest.raises(errors.TooLarge):
            await store.insert("things", record("a", text="x" * DOCUMENT_LIMIT))
        await store.insert("things", record("b", text="x" * (DOCUMENT_LIMIT - 1_000)))
        assert await store.count("things") == 1

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, "\ud800"])
    async def test_what_is_not_json_is_refused(self, store: RecordStore, value: Any) -> None:
        with pytest.raises(errors.Invalid):
            await store.insert("things", record("a", value=value))
        assert await store.get("things", "a") is None

    async def test_an_undeclared_collection_is_a_mistake(self, store: RecordStore) -> None:
        with pytest.raises(LookupError):
            await store.get("undeclared", "a")

    async def test_declaring_again_changes_nothing(self, store: RecordStore) -> None:
        await store.insert("things", record("a", key="k"))
        await asyncio.gather(*(store.ensure(THINGS, OTHERS) for _ in range(5)))
        assert await store.count("things") == 1


class TestAppend:
    async def test_it_writes_state_version_head_event_and_envelope_at_once(self, store: RecordStore) -> None:
        await store.insert("things", Record("a", 1, "h1", {"n": 1}, (event(1),), {"keep": 1, "drop": 2}))
        await append(store, "a", 1, envelope_set={"drop": None, "lease": {"token": "t"}})
        await append(store, "a", 2, envelope_set={"lease.until": 9, "never": None})
        assert await store.get("things", "a") == Record(
            "a",
            3,
            "h3",
            {"n": 3},
            (event(1), event(2), event(3)),
            {"keep": 1, "lease": {"token": "t", "until": 9}},
        )

    @pytest.mark.parametrize("version", [0, 1, 3])
    async def test_another_version_conflicts(self, store: RecordStore, version: int) -> None:
        await store.insert("things", record("a"))
        await append(store, "a", 1)
        with pytest.raises(errors.VersionConflict):
            await append(store, "a", version)
        found = await store.get("things", "a")
        assert found is not None and (found.version, len(found.outbox)) == (2, 1)

    async def test_an_unknown_record_is_not_found(self, store: RecordStore) -> None:
        with pytest.raises(errors.NotFound):
            await append(store, "nobody", 1)

    @pytest.mark.parametrize(
        ("guard", "fits"),
        [
            ({"envelope.lease.token": "t"}, True),
            ({"envelope.lease.token": "other"}, False),
            ({"envelope.lease.token": None}, False),
            ({"envelope.absent.deep": None}, True),
            ({"state.n": 1, "envelope.lease.token": "t"}, True),
            ({"state.n": 2, "envelope.lease.token": "t"}, False),
        ],
    )
    async def test_guards(self, store: RecordStore, guard: dict[str, Any], fits: bool) -> None:
        await store.insert("things", Record("a", 1, "", {"n": 1}, (), {"lease": {"token": "t"}}))
        assert await store.touch("things", "a", envelope_set={"seen": 1}, guard=guard) is fits
        if fits:
            await append(store, "a", 1, guard=guard)
        else:
            with pytest.raises(errors.VersionConflict):
                await append(store, "a", 1, guard=guard)
        found = await store.get("things", "a")
        assert found is not None
        assert found.version == (2 if fits else 1)
        assert ("seen" in found.envelope) is fits

    async def test_a_full_outbox_refuses_events_until_it_is_shipped(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        piece = "ü" * (OUTBOX_LIMIT // 2 - 100_000)
        await append(store, "a", 1, event=event(2, piece=piece))
        with pytest.raises(errors.Unavailable):
            await append(store, "a", 2, event=event(3, piece="x" * 300_000))
        await store.pull("things", "a", ["evt_2"])
        await append(store, "a", 2, event=event(3, piece="x" * 300_000))

    async def test_a_document_over_the_limit_is_refused(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        with pytest.raises(errors.TooLarge):
            await append(store, "a", 1, state={"text": "x" * DOCUMENT_LIMIT})
        await append(store, "a", 1)

    async def test_a_unique_value_can_be_taken_by_an_append(self, store: RecordStore) -> None:
        await fill(store, {"a": {"key": "k"}, "b": {}})
        with pytest.raises(errors.AlreadyExists) as caught:
            await append(store, "b", 1, state={"key": "k"})
        assert caught.value.extra["field"] == "state.key"
        await append(store, "b", 1, envelope_set={"slot": 1})
        with pytest.raises(errors.AlreadyExists):
            await store.touch("things", "a", envelope_set={"slot": 1})

    async def test_many_writers_of_one_record_leave_versions_without_a_gap(self, store: RecordStore) -> None:
        await store.insert("things", Record("a", 0, "", {"n": 0}))
        at_once = asyncio.Semaphore(10)

        async def writer(name: int) -> None:
            async with at_once:
                await insist(name)

        async def insist(name: int) -> None:
            while True:
                found = await store.get("things", "a")
                assert found is not None
                try:
                    await append(store, "a", found.version, event={**event(found.version + 1), "by": name})
                except errors.VersionConflict:
                    continue
                return

        await asyncio.gather(*(writer(name) for name in range(200)))
        found = await store.get("things", "a")
        assert found is not None and found.version == found.state["n"] == 200
        assert [item["sequence"] for item in found.outbox] == list(range(1, 201))
        assert {item["by"] for item in found.outbox} == set(range(200))

    async def test_the_stored_state_is_the_one_at_the_time_of_the_call(self, store: RecordStore) -> None:
        await store.insert("things", record("a"))
        state = {"list": [1]}
        writing = asyncio.ensure_future(append(store, "a", 1, state=state))
        await asyncio.sleep(0)
        state["list"].append(2)
        await writing
        found = await store.get("things", "a")
        assert found is not None and found.state == {"list": [1]}


class TestOutbox:
    async def test_pull_keeps_what_was_not_shipped(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        await append(store, "a", 1)
        for _ in range(2):
            await store.pull("things", "a", ["evt_1", "evt_unknown"])
        await store.pull("things", "nobody", ["evt_1"])
        await store.pull("things", "a", [])
        await store.pull_many("things", {})
        found = await store.get("things", "a")
        assert found is not None and found.outbox == (event(2),)
        assert (found.version, found.state) == (2, {"n": 2})

    async def test_an_append_after_reading_survives_the_pull(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        (read,) = await store.waiting("things", 10)
        await append(store, "a", 1)
        await store.pull_many("things", {"a": [item["id"] for item in read.outbox]})
        (left,) = await store.waiting("things", 10)
        assert left.outbox == (event(2),)

    async def test_who_waited_longest_comes_first(self, store: RecordStore) -> None:
        for key in ("c", "a", "b", "d"):
            await store.insert("things", record(key, outbox=[event(1)] if key != "d" else []))
        await store.pull("things", "c", ["evt_1"])
        await append(store, "a", 1)
        await append(store, "c", 1)
        assert [found.id for found in await store.waiting("things", 10)] == ["a", "b", "c"]
        assert [found.id for found in await store.waiting("things", 2)] == ["a", "b"]
        assert await store.waiting("others", 10) == []

    async def test_touch_leaves_version_and_outbox(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)], n=1))
        assert await store.touch("things", "a", envelope_set={"beat": 5})
        found = await store.get("things", "a")
        assert found == Record("a", 1, "first", {"n": 1}, (event(1),), {"beat": 5})
        assert not await store.touch("things", "nobody", envelope_set={"beat": 5})


VALUES: dict[str, dict[str, Any]] = {
    "a": {"f": 0.5, "name": "Alpha", "tags": ["x", "y"], "ok": True},
    "b": {"f": 1, "name": "beta_%", "tags": [], "ok": False},
    "c": {"f": 2, "name": "ŻÓŁW", "tags": "x"},
    "d": {"name": "gamma", "f": None, "tags": ["y", 1, True]},
    "e": {"f": "text", "name": "żółw 2", "deep": {"er": 7}},
    "f": {},
}
CONDITIONS: list[Condition] = [
    Comparison("state.f", "=", 1),
    Comparison("state.f", "=", 1.0),
    Comparison("state.f", "=", "text"),
    Comparison("state.f", "=", None),
    Comparison("state.f", "!=", None),
    Comparison("state.f", "!=", 1),
    Comparison("state.f", "<", 2),
    Comparison("state.f", "<=", 2),
    Comparison("state.f", ">", 0.5),
    Comparison("state.f", ">=", 0.5),
    Comparison("state.f", ">", 2**70),
    Comparison("state.f", ">", "a"),
    Comparison("state.f", "<", "z"),
    Comparison("state.f", "<", None),
    Comparison("state.f", "~", "1"),
    Comparison("state.name", "~", "ALPH"),
    Comparison("state.name", "~", "a_%"),
    Comparison("state.name", "~", "%"),
    Comparison("state.name", "~", "\\"),
    Comparison("state.name", "~", "żółw"),
    Comparison("state.name", "~", ""),
    Comparison("state.name", "=", "x' OR 1=1 --"),
    Comparison("state.ok", "=", True),
    Comparison("state.ok", "=", 1),
    Comparison("state.ok", "!=", False),
    Comparison("state.tags", "has", "x"),
    Comparison("state.tags", "has", 1),
    Comparison("state.tags", "has", True),
    Comparison("state.deep.er", ">", 6),
    Comparison("state.deep.er.est", "=", None),
    Comparison("id", ">", "c"),
    Comparison("version", "=", 1),
    In("state.f", (1, "text")),
    In("state.f", (None,)),
    In("state.f", ()),
    And(()),
    Or(()),
    And((Comparison("state.f", ">", 0), Not(Comparison("state.name", "~", "b")))),
    Or((Comparison("state.f", "<", 1), Comparison("state.f", "=", "text"))),
    Not(Comparison("state.f", "<", 1)),
    Not(Comparison("state.tags", "has", "x")),
    Not(Or((Comparison("state.f", "=", None), Comparison("state.ok", "=", True)))),
]


class TestFind:
    @pytest.mark.parametrize("condition", CONDITIONS, ids=str)
    async def test_conditions_mean_what_they_mean_in_memory(self, store: RecordStore, condition: Condition) -> None:
        await fill(store, VALUES)
        everything = await store.find("things", limit=100)
        expected = [found.id for found in everything if holds(condition, found.document())]
        assert [found.id for found in await store.find("things", where=condition, limit=100)] == expected
        assert await store.count("things", condition) == len(expected)

    async def test_empty(self, store: RecordStore) -> None:
        assert await store.find("things", sort=[SortKey("state.created")], limit=5) == []
        assert await store.count("things") == 0

    @pytest.mark.parametrize(
        "path", ["state.a'b", "state.a b", 'state."a"', "state", "state.", "outbox.x", "a", "state.ä"]
    )
    async def test_other_paths_are_refused(self, store: RecordStore, path: str) -> None:
        with pytest.raises(errors.BadFilter):
            await store.find("things", where=Comparison(path, "=", 1), limit=5)
        with pytest.raises(errors.BadFilter):
            await store.find("things", sort=[SortKey(path)], limit=5)

    async def test_what_a_list_does_not_show_is_left_out(self, store: RecordStore) -> None:
        await store.insert("things", record("a", keep=None, request="sealed", deep={"keep": 1, "drop": 2}))
        (found,) = await store.find("things", limit=5, without=("request", "deep.drop", "absent"))
        assert found.state == {"keep": None, "deep": {"keep": 1}}

    SORTS: Sequence[tuple[SortKey, ...]] = (
        (),
        (SortKey("id", descending=True),),
        (SortKey("state.measures.f1"),),
        (SortKey("state.measures.f1", descending=True),),
        (SortKey("state.created", descending=True), SortKey("state.measures.f1")),
        (SortKey("state.name"), SortKey("state.created", descending=True), SortKey("state.measures.f1")),
    )

    @pytest.mark.parametrize("sort", SORTS, ids=str)
    @pytest.mark.parametrize("size", [1, 3, 7, 100])
    async def test_pages_give_the_whole_order(self, store: RecordStore, sort: Sequence[SortKey], size: int) -> None:
        await fill(store, _random_states())
        found = [item.id for item in await pages(store, sort, size)]
        assert found == _sorted_ids(await store.find("things", limit=1000), sort)

    async def test_pages_of_a_filtered_list(self, store: RecordStore) -> None:
        await fill(store, _random_states())
        where = Or((Comparison("state.measures.f1", ">", 0.2), Comparison("state.measures.f1", "=", None)))
        sort = (SortKey("state.measures.f1", descending=True),)
        matching = [r for r in await store.find("things", limit=1000) if holds(where, r.document())]
        assert [item.id for item in await pages(store, sort, 4, where)] == _sorted_ids(matching, sort)

    async def test_items_inserted_between_pages_neither_repeat_nor_hide_others(self, store: RecordStore) -> None:
        await fill(store, {f"r{n}": {"measures": {"f1": n / 10}} for n in range(10)})
        sort = (SortKey("state.measures.f1", descending=True),)
        first = await store.find("things", sort=sort, limit=4)
        await fill(store, {"top": {"measures": {"f1": 2.0}}, "r55": {"measures": {"f1": 0.55}}, "none": {}})
        rest = await store.find("things", sort=sort, after=first[-1].place(sort), limit=100)
        assert [r.id for r in first] == ["r9", "r8", "r7", "r6"]
        assert [r.id for r in rest] == ["r55", "r5", "r4", "r3", "r2", "r1", "r0", "none"]

    async def test_missing_values_come_last_both_ways(self, store: RecordStore) -> None:
        await fill(store, {"a": {"x": 1}, "b": {}, "c": {"x": 2}, "d": {"x": None}})
        up = await pages(store, (SortKey("state.x"),), 1)
        down = await pages(store, (SortKey("state.x", descending=True),), 1)
        assert [r.id for r in up] == ["a", "c", "b", "d"]
        assert [r.id for r in down] == ["c", "a", "d", "b"]

    async def test_a_place_of_another_order_is_refused(self, store: RecordStore) -> None:
        with pytest.raises(errors.BadFilter):
            await store.find("things", sort=(SortKey("state.x"),), after=("a",), limit=5)


def _random_states() -> dict[str, dict[str, Any]]:
    chance = random.Random(7)
    return {
        f"r{n:02}": {
            "measures": {"f1": chance.choice([None, 0.1, 0.2, 0.2, 0.9, 1])},
            "created": chance.choice(["2026-01", "2026-02", None]),
            "name": chance.choice(["a", "b", "B", "ż"]),
        }
        for n in range(40)
    }


def _sorted_ids(records: Sequence[Record], sort: Sequence[SortKey]) -> list[str]:
    """The order by its definition: stable sorts from the last key to the first, missing values last."""
    ordered = sorted(records, key=lambda r: r.id, reverse=bool(sort) and sort[-1].descending)
    for index, key in reversed(list(enumerate(sort))):
        there = [r for r in ordered if r.place(sort)[index] is not None]
        missing = [r for r in ordered if r.place(sort)[index] is None]
        there = _stable(there, index, sort, descending=key.descending)
        ordered = there + missing
    return [r.id for r in ordered]


def _stable(records: list[Record], index: int, sort: Sequence[SortKey], *, descending: bool) -> list[Record]:
    # `reverse=True` keeps equal items in their order, as a stable sort must.
    return sorted(records, key=lambda r: r.place(sort)[index], reverse=descending)  # type: ignore[arg-type,return-value]


class TestViews:
    async def test_put_replaces_and_delete_removes(self, store: RecordStore) -> None:
        await store.put_view("things", "v", {"n": 1, "old": True})
        await store.put_view("things", "v", {"n": 2})
        assert await store.get("things", "v") == Record("v", 0, "", {"n": 2})
        for _ in range(2):
            await store.delete("things", "v")
        assert await store.get("things", "v") is None

    async def test_delete_takes_waiting_events_along(self, store: RecordStore) -> None:
        await store.insert("things", record("a", outbox=[event(1)]))
        await store.delete("things", "a")
        assert await store.waiting("things", 5) == []

    async def test_scan_gives_everything_in_the_order_of_ids(self, store: RecordStore) -> None:
        assert [r async for r in store.scan("things")] == []
        await fill(store, {f"r{n:02}": {"n": n} for n in range(25)})
        for batch in (1, 5, 25, 26):
            assert [r.state["n"] async for r in store.scan("things", batch)] == list(range(25))
            texts = [text async for found in store.texts("things", batch) for text in found]
            assert [json.loads(text.state)["n"] for text in texts] == list(range(25))
        await store.insert_many("things", [record("s1", n=1), record("s2", outbox=[event(1)])])
        last = [text async for found in store.texts("things") for text in found][-1]
        assert (last.id, last.version, last.outbox) == ("s2", record("s2").version, (event(1),))
        with pytest.raises(errors.AlreadyExists):
            await store.insert_many("things", [record("s3"), record("s1")])

    async def test_a_scan_can_be_left(self, store: RecordStore) -> None:
        await fill(store, {f"r{n:02}": {} for n in range(10)})
        scan = store.scan("things", 2)
        async for found in scan:
            if found.id == "r03":
                break
        await scan.aclose()  # type: ignore[attr-defined]
        assert await store.count("things") == 10


class TestLife:
    async def test_what_was_written_is_there_after_reopening(self, url: str) -> None:
        async with registry.record_store(url) as store:
            await store.ensure(THINGS)
            await store.insert("things", record("a", outbox=[event(1)]))
            await append(store, "a", 1)
        async with registry.record_store(url) as store:
            await store.ensure(THINGS)
            found = await store.get("things", "a")
            assert found is not None and (found.version, found.outbox) == (2, (event(1), event(2)))

    async def test_closing_while_busy_finishes_what_was_accepted(self, url: str) -> None:
        store = registry.record_store(url)
        await store.open()
        await store.ensure(THINGS)
        writes = [asyncio.ensure_future(store.insert("things", record(f"r{n}"))) for n in range(300)]
        await asyncio.sleep(0)  # let them hand over their writes
        await store.close()
        assert await asyncio.gather(*writes) == [None] * 300
        async with registry.record_store(url) as again:
            await again.ensure(THINGS)
            assert await again.count("things") == 300

    async def test_a_closed_store_says_so(self, url: str) -> None:
        store = registry.record_store(url)
        with pytest.raises(errors.Unavailable):
            await store.ensure(THINGS)
        async with store:
            await store.ensure(THINGS)
        await store.close()
        with pytest.raises(errors.Unavailable):
            await store.get("things", "a")

    async def test_closing_leaves_no_thread_and_no_task(self, url: str) -> None:
        threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
        async with registry.record_store(url) as store:
            await store.ensure(THINGS)
            await store.insert("things", record("a"))
        assert set(threading.enumerate()) == threads
        assert asyncio.all_tasks() == tasks

    async def test_a_cancelled_write_is_whole_or_absent_and_harms_no_other(self, store: RecordStore) -> None:
        writes = [asyncio.ensure_future(store.insert("things", record(f"r{n}", outbox=[event(1)]))) for n in range(60)]
        await asyncio.sleep(0)
        for cancelled in writes[::2]:
            cancelled.cancel()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert all(result is None for result in results[1::2])
        found = await store.get_many("things", [f"r{n}" for n in range(60)])
        assert {f"r{n}" for n in range(1, 60, 2)} <= set(found)
        assert all(item.version == 1 and item.outbox == (event(1),) for item in found.values())

    async def test_check_tells_its_size(self, store: RecordStore) -> None:
        size = (await store.check())["size"]
        assert isinstance(size, int) and size > 0
