"""The trials of a search, their rungs, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from common.learning import trials


def test_a_grid_is_every_combination_of_different_candidates() -> None:
    found = trials.grid({"C": [1, 10, 1], "kernel": ["rbf", "linear"], "tol": 0.1, "layers": [[5]]})
    assert [(one["C"], one["kernel"]) for one in found] == [(1, "rbf"), (1, "linear"), (10, "rbf"), (10, "linear")]
    assert {one["tol"] for one in found} == {0.1}
    assert found[0]["layers"] == [5]


def test_the_same_seed_draws_the_same_trials() -> None:
    space = {
        "C": {"low": 0.001, "high": 1000},
        "depth": {"low": 1, "high": 5},
        "share": {"low": 0.2, "high": 0.4},
        "kind": ["a", "b"],
    }
    first, again, other = (trials.draws(space, 20, seed) for seed in (7, 7, 8))
    assert first == again != other
    assert len(first) == 20
    for one in first:
        assert 0.001 <= one["C"] <= 1000
        assert isinstance(one["depth"], int) and 1 <= one["depth"] <= 5
        assert 0.2 <= one["share"] <= 0.4
    assert sum(one["C"] < 1 for one in first) in range(4, 17)  # evenly on a logarithmic scale


def test_draws_are_those_of_every_version_of_this_program() -> None:
    # Written down: a search that goes on after an upgrade must not try something else.
    space = {"C": {"low": 0.01, "high": 100}, "n": {"low": 1, "high": 9}, "kernel": ["rbf", "linear"]}
    assert trials.draws(space, 2, 42) == [
        {"C": 3.61166, "n": 1, "kernel": "rbf"},
        {"C": 0.0781345, "n": 7, "kernel": "linear"},
    ]


def test_a_space_with_less_gives_less() -> None:
    assert len(trials.draws({"kind": ["a", "b"]}, 10, 0)) == 2


@pytest.mark.parametrize(
    ("space", "drawn", "said"),
    [
        ({"C": {"low": 1, "high": 10}}, False, "is a range"),
        ({"C": []}, False, "no candidates"),
        ({"a": list(range(40)), "b": list(range(40))}, False, "1600 combinations"),
        ({"C": {"low": 10, "high": 1}}, True, "smaller than high"),
        ({"C": {"low": "a", "high": 1}}, True, "smaller than high"),
        ({"C": {"low": 0, "high": 1, "scale": "log"}}, True, "low must be > 0"),
        ({"C": {"low": 0, "high": 1, "scale": "cubic"}}, True, "'cubic' is not"),
    ],
)
def test_what_is_no_space(space: dict[str, Any], drawn: bool, said: str) -> None:
    (flaw,) = trials.space_flaws(space, "/algorithms/0/parameters", drawn=drawn)
    assert said in flaw.detail
    assert flaw.pointer.startswith("/algorithms/0/parameters")


def test_ranks_know_the_direction_and_put_undefined_last() -> None:
    values = {0: 3.0, 1: None, 2: 1.0, 3: 3.0}
    assert trials.ranked(values, "lower") == [2, 0, 3, 1]
    assert trials.ranked(values, "higher") == [0, 3, 2, 1]
    assert trials.better(1.0, 2.0, "lower") and not trials.better(1.0, 2.0, "higher")
    assert trials.better(1.0, None, "lower") and not trials.better(None, None, "lower")


@pytest.mark.parametrize(
    ("count", "rows", "plan"),
    [
        (9, 900, [(9, 100), (3, 300), (1, None)]),
        (10, 9000, [(10, 1000), (4, 3000), (2, None)]),
        (27, 460, [(27, 51), (9, 153), (3, None)]),  # a rung less: the first would have 17 rows
        (9, 60, [(9, None)]),
        (2, 9000, [(2, None)]),
        (1, 9000, [(1, None)]),
    ],
)
def test_rungs(count: int, rows: int, plan: list[tuple[int, int | None]]) -> None:
    assert trials.rungs(count, rows, factor=3, least=50) == plan


def test_a_budget_of_trials_cuts_a_plan() -> None:
    plan = [(9, 100), (3, 300), (1, None)]
    assert trials.within(plan, None) == plan
    assert trials.within(plan, 10) == [(9, 100), (1, 300)]
    assert trials.within(plan, 4) == [(4, 100)]
