"""The trials of a search, and their order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autolearn import search
from common import errors


def job(name: str, measures: dict[str, Any], directions: dict[str, str]) -> Any:
    return SimpleNamespace(id=name, result={"measures": {"test": measures, "train": {}}, "directions": directions})


def test_a_grid_is_every_combination() -> None:
    trials = search.grid({"C": [1, 10], "kernel": ["rbf", "linear"], "tol": 0.1})
    assert [(one["C"], one["kernel"]) for one in trials] == [(1, "rbf"), (1, "linear"), (10, "rbf"), (10, "linear")]
    assert {one["tol"] for one in trials} == {0.1}


def test_the_same_seed_draws_the_same_trials() -> None:
    space = {"C": "0.001..1000", "depth": "1..5", "share": "0.2..0.4", "kind": ["a", "b"]}
    first, again, other = (search.draws(space, 20, seed) for seed in (7, 7, 8))
    assert first == again != other
    assert len(first) == 20
    for one in first:
        assert 0.001 <= one["C"] <= 1000
        assert isinstance(one["depth"], int) and 1 <= one["depth"] <= 5
        assert 0.2 <= one["share"] <= 0.4
    assert sum(one["C"] < 1 for one in first) in range(4, 17)  # evenly on a logarithmic scale


def test_a_space_with_less_gives_less() -> None:
    assert len(search.draws({"kind": ["a", "b"]}, 10, 0)) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: search.grid({"C": "1..10"}), "is a range"),
        (lambda: search.grid({"C": []}), "no candidates"),
        (lambda: search.grid({"a": list(range(40)), "b": list(range(40))}), "1600 combinations"),
        (lambda: search.draws({"C": "10..1"}, 3, 0), "first end must be smaller"),
        (lambda: search.draws({"C": [1]}, 0, 0), "0 trials"),
    ],
)
def test_what_is_no_search(wrong: Any, said: str) -> None:
    with pytest.raises(errors.Invalid, match=said):
        wrong()


def test_ranks_know_the_direction_and_put_undefined_last() -> None:
    directions = {"rmse": "lower", "r2": "higher"}
    jobs = [
        job("a", {"rmse": 3.0, "r2": 0.1}, directions),
        job("b", {"rmse": None, "r2": None}, directions),
        job("c", {"rmse": 1.0, "r2": 0.9}, directions),
    ]
    assert [one.id for one in search.ranked(jobs, "rmse")] == ["c", "a", "b"]
    assert [one.id for one in search.ranked(jobs, "r2")] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("candidates", "rows", "plan"),
    [
        (9, 900, [(9, 100), (3, 300), (1, None)]),
        (10, 9000, [(10, 1000), (4, 3000), (2, None)]),
        (27, 460, [(27, 51), (9, 153), (3, None)]),  # a rung less: the first would have 17 rows
        (9, 60, [(9, None)]),
        (2, 9000, [(2, None)]),
        (1, 9000, [(1, None)]),
    ],
)
def test_rungs(candidates: int, rows: int, plan: list[tuple[int, int | None]]) -> None:
    assert search.rungs(candidates, rows) == plan
