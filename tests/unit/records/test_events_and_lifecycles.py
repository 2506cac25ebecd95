"""Events and lifecycles: what follows from what, without a store."""

from __future__ import annotations

import math
from typing import Any

import pytest

from common import context, errors
from common.records import event as events
from common.records.lifecycle import Lifecycle, merge
from tests.factories import COUNTER


class TestEvents:
    def test_the_canonical_form_knows_no_order_and_no_spaces(self) -> None:
        assert events.canonical({"b": [1, 2.5], "a": "ü"}) == '{"a":"ü","b":[1,2.5]}'.encode()
        assert events.digest({"a": 1, "b": 2}) == events.digest({"b": 2, "a": 1}) != events.digest({"a": 1, "b": 3})
        with pytest.raises(ValueError, match="JSON"):
            events.canonical(math.nan)

    def test_a_state_event_names_its_record_its_place_and_its_cause(self) -> None:
        cause = context.Context("a" * 32, "b" * 16, "ada", "evt_0")
        with context.use(cause):
            made = events.state_event(
                "training.queued", source="training", subject="trn_1", sequence=3, data={"x": 1}, prevhash="h"
            )
        assert made == {
            "specversion": "1.0",
            "id": made["id"],
            "type": "autolearn.training.queued.v1",
            "source": "training",
            "subject": "trn_1",
            "sequence": 3,
            "time": made["time"],
            "actor": "ada",
            "traceparent": cause.traceparent,
            "correlationid": "a" * 32,
            "causationid": "evt_0",
            "prevhash": "h",
            "data": {"x": 1},
        }
        again = events.state_event("other", source="x", subject="trn_1", sequence=3, data={}, prevhash="")
        assert again["id"] == made["id"]
        assert events.name_of(made) == "training.queued"

    def test_times_of_a_record_never_go_back(self) -> None:
        after = "2999-01-01T00:00:00.000Z"
        made = events.state_event("a", source="s", subject="x", sequence=2, data={}, prevhash="", after=after)
        assert made["time"] == after


class TestMerging:
    @pytest.mark.parametrize(
        ("state", "data", "after"),
        [
            ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
            ({"a": 1}, {"a": None}, {}),
            ({}, {"a": None}, {}),
            ({"list": [1]}, {"list": [2]}, {"list": [2]}),
            ({"plain": {"x": 1}}, {"plain": {"y": 2}}, {"plain": {"y": 2}}),
            ({"sealed": {"x": "1"}}, {"sealed": {"y": "2"}}, {"sealed": {"x": "1", "y": "2"}}),
            ({"blobs": {"x": "1", "y": "2"}}, {"blobs": {"x": None}}, {"blobs": {"y": "2"}}),
            ({"sealed": {"x": "1"}}, {"sealed": None}, {}),
        ],
    )
    def test_data_over_state(self, state: dict[str, Any], data: dict[str, Any], after: dict[str, Any]) -> None:
        before = repr(state)
        assert merge(state, data) == after
        assert repr(state) == before


class TestLifecycles:
    def fold(self, state: dict[str, Any] | None, event: str, **data: Any) -> dict[str, Any]:
        return COUNTER.fold(state, {"type": f"autolearn.counter.{event}.v1", "data": data})

    def test_a_change_is_applied_where_there_is_one_else_the_data_is_merged(self) -> None:
        state = self.fold(None, "made", name="c")
        state = self.fold(self.fold(state, "raised", by=2), "raised", by=3)
        assert self.fold(state, "closed", why="done") == {"state": "closed", "name": "c", "count": 5, "why": "done"}

    def test_what_is_not_in_the_table_cannot_happen(self) -> None:
        with pytest.raises(errors.Conflict, match=r"counter is not there: counter.closed"):
            self.fold(None, "closed")
        with pytest.raises(errors.Conflict, match=r"counter is closed: counter.raised"):
            self.fold({"state": "closed"}, "raised", by=1)
        assert COUNTER.allows(None, "counter.made") and not COUNTER.allows({"state": "open"}, "counter.made")

    def test_a_change_may_choose_the_next_state(self) -> None:
        table = {("open", "x.left"): "closed"}
        partly = Lifecycle("x", table, {"x.left": lambda state, data: {**state, **data}})
        told = {"type": "autolearn.x.left.v1", "data": {"next": "open"}}
        assert partly.fold({"state": "open"}, told) == {"state": "open"}
        assert partly.fold({"state": "open"}, {**told, "data": {}}) == {"state": "closed"}

    def test_the_diagram_has_a_line_for_every_transition(self) -> None:
        assert COUNTER.diagram().splitlines() == [
            "stateDiagram-v2",
            "    [*] --> open: counter.made",
            "    open --> open: counter.raised",
            "    open --> closed: counter.closed",
            "    closed --> open: counter.opened",
            "    closed --> closed: counter.sealed",
        ]
