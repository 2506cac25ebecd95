"""The table of a search's life, against the page that draws it, and what its events do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common import errors
from common.contracts.jobs import JobState
from common.jobs.model import TERMINAL
from common.records.lifecycle import NEW
from training_service import model
from training_service.model import SEARCHES

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "search-life.md"
QUEUED = {"plan": [[3, 10], [1, None]], "left_out": 2, "session": "ses_1", "sealed": {"request": "t"}}


def folded(*events: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    state: dict[str, Any] | None = None
    for name, data in events:
        state = SEARCHES.fold(state, {"type": f"autolearn.search.{name}.v1", "data": data})
    assert state is not None
    return state


def test_the_page_draws_the_table_and_tells_of_every_state() -> None:
    page = PAGE.read_text()
    assert re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL) == [SEARCHES.diagram()]
    assert re.findall(r"^\*\*`(\w+)`\*\*", page, re.MULTILINE) == [state.value for state in JobState]


def test_every_state_is_reached_and_nothing_leaves_a_terminal_one() -> None:
    moves = {(state, target) for (state, _), target in SEARCHES.transitions.items()}
    assert {target for _, target in moves} == {state.value for state in JobState}
    assert all(target == state for state, target in moves if state in TERMINAL)
    ending = {state.value for state in TERMINAL}
    for _ in JobState:
        ending |= {state for state, target in moves if target in ending}
    assert ending == {NEW, *(state.value for state in JobState)}


@pytest.mark.parametrize("event", sorted({name for _, name in SEARCHES.transitions}))
@pytest.mark.parametrize("state", [NEW, *(state.value for state in JobState)])
def test_what_is_not_drawn_is_refused(state: str, event: str) -> None:
    if (state, event) not in SEARCHES.transitions:
        with pytest.raises(errors.Conflict, match="cannot happen"):
            SEARCHES.fold({"state": state} if state else None, {"type": f"autolearn.{event}.v1", "data": {}})


def test_outcomes_rungs_and_the_leader_are_state() -> None:
    state = folded(
        ("queued", QUEUED),
        ("started", {}),
        ("trials_ended", {"rung": 0, "ended": {"1": "s"}, "best": "trn_b"}),
        ("trials_ended", {"rung": 0, "ended": {"0": "f"}}),
    )
    assert state["rungs"] == [{"rows": 10, "outcomes": "fs."}] and state["best"] == "trn_b"
    assert model.open_positions(state["rungs"][-1]) == [2]
    counts = {"planned": 4, "ended": 2, "succeeded": 1, "failed": 1, "cancelled": 0, "left_out": 2}
    assert model.tally(state) == counts
    state = folded(
        ("queued", QUEUED),
        ("started", {}),
        ("trials_ended", {"rung": 0, "ended": {"0": "s", "1": "s", "2": "s"}, "best": "trn_c"}),
        ("rung_started", {"rows": None, "going": [2]}),
    )
    assert state["rungs"][1] == {"rows": None, "outcomes": ".", "going": [2]}
    assert [model.number_of(rung, 0) for rung in state["rungs"]] == [0, 2]
    assert model.trial_id("srch_1", 0, 2) == model.trial_id("srch_1", 0, 2) != model.trial_id("srch_1", 1, 2)


def test_removing_leaves_nothing_confidential() -> None:
    state = folded(("queued", QUEUED), ("cancelled", {"ended": "now"}), ("removed", {"removed": "discarded"}))
    assert (state["state"], state["sealed"], state["removed"]) == ("cancelled", {}, "discarded")
