"""The contract of the record store, for every adapter: conditions, orders and pages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from common import errors
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, holds
from common.filtering.sorting import SortKey
from common.ports.record_store import Record, RecordStore
from tests.contract.record_stores import fill, pages, record

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
        (SortKey("id"), SortKey("state.created", descending=True)),
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
