"""The table of a job's life, against the page that draws it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common import errors
from common.contracts.jobs import JobState
from common.jobs.model import TERMINAL, lifecycle, terminal
from common.records.lifecycle import NEW

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "job-life.md"
TRAINING = lifecycle("training")


def test_the_page_draws_the_table() -> None:
    drawn = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert drawn == [TRAINING.diagram()]


def test_the_page_has_a_paragraph_for_every_state() -> None:
    assert re.findall(r"^\*\*`(\w+)`\*\*", PAGE.read_text(), re.MULTILINE) == [state.value for state in JobState]


def test_both_kinds_have_the_same_life() -> None:
    other = lifecycle("evaluation").diagram()
    assert other.replace("evaluation.", "training.") == TRAINING.diagram()


def test_every_state_is_reached_and_every_life_can_end() -> None:
    moves = {(state, target) for (state, _), target in TRAINING.transitions.items()}
    assert {target for _, target in moves} == {state.value for state in JobState}
    ending = {state.value for state in TERMINAL}
    for _ in JobState:
        ending |= {state for state, target in moves if target in ending}
    assert ending == {NEW, *(state.value for state in JobState)}


def test_nothing_leaves_a_terminal_state() -> None:
    for (state, _), target in TRAINING.transitions.items():
        if state in TERMINAL:
            assert target == state
    assert [state for state in JobState if terminal({"state": state.value})] == list(TERMINAL)
    assert all(state.terminal == (state in TERMINAL) for state in JobState)


@pytest.mark.parametrize("event", sorted({name for _, name in TRAINING.transitions}))
@pytest.mark.parametrize("state", [NEW, *(state.value for state in JobState)])
def test_what_is_not_drawn_is_refused(state: str, event: str) -> None:
    before = {"state": state} if state else None
    told = {"type": f"autolearn.{event}.v1", "data": {}}
    if (state, event) in TRAINING.transitions:
        assert TRAINING.fold(before, told)["state"] == TRAINING.transitions[state, event]
    else:
        with pytest.raises(errors.Conflict, match="cannot happen"):
            TRAINING.fold(before, told)


def test_committing_leaves_the_blobs_and_removing_leaves_nothing() -> None:
    done = {"state": "succeeded", "sealed": {"result": "t"}, "blobs": {"artifact": "b"}, "session": "ses_1"}
    committed = TRAINING.fold(done, {"type": "autolearn.training.committed.v1", "data": {"experiment": "exp_1"}})
    assert committed == {**done, "sealed": {}, "experiment": "exp_1"}
    removed = TRAINING.fold(done, {"type": "autolearn.training.removed.v1", "data": {"removed": "dropped"}})
    assert removed == {**done, "sealed": {}, "blobs": {}, "removed": "dropped"}
