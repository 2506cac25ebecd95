"""How rows are divided, and when they cannot be divided by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common import errors
from common.learning.notes import Notes
from common.learning.split import divide


def asked(**fields: Any) -> dict[str, Any]:
    return {"test_share": 0.25, "seed": 0, "stratify": "auto", **fields}


def labels(*counts: int) -> np.ndarray[Any, Any]:
    return np.repeat(np.array(list("abcdef")[: len(counts)], dtype=object), counts)


def test_every_row_is_in_one_part() -> None:
    split = divide(labels(60, 40), "classification", asked(), Notes())
    assert sorted([*split.train, *split.test]) == list(range(100))
    assert (len(split.train), len(split.test)) == (75, 25)
    assert list(split.train) == sorted(split.train)


@pytest.mark.parametrize(("rows", "share", "held_out"), [(10, 0.25, 3), (4, 0.01, 1), (100, 0.1, 10)])
def test_held_out_rows_are_rounded_up(rows: int, share: float, held_out: int) -> None:
    split = divide(np.arange(rows), "regression", asked(test_share=share), Notes())
    assert len(split.test) == held_out


def test_classes_keep_their_shares() -> None:
    target = labels(80, 20)
    split = divide(target, "classification", asked(), Notes())
    assert split.stratified
    assert (target[split.test] == "b").sum() == 5


def test_stratify_can_be_switched_off_without_a_note() -> None:
    notes = Notes()
    assert not divide(labels(80, 20), "classification", asked(stratify=False), notes).stratified
    assert list(notes) == []


@pytest.mark.parametrize(
    ("target", "said"),
    [(labels(1, 1, 1, 1), "every class has a single row"), (labels(2, 2, 2), "2 rows cannot hold 3 classes")],
)
def test_without_enough_rows_of_a_class_the_division_is_plain(target: np.ndarray[Any, Any], said: str) -> None:
    notes = Notes()
    split = divide(target, "classification", asked(), notes)
    assert not split.stratified
    assert list(notes) == [f"the rows were divided without regard to class: {said}"]
    with pytest.raises(errors.BadData, match=said):
        divide(target, "classification", asked(stratify=True), Notes())


def test_a_class_with_a_single_row_is_learned_from() -> None:
    notes, target = Notes(), labels(79, 20, 1)
    split = divide(target, "classification", asked(), notes)
    assert split.stratified
    assert ([*target[split.test]].count("b"), "c" in target[split.train]) == (5, True)
    assert list(notes) == ["learned from and not held out, because its class has a single row: 'c'"]


def test_a_regression_is_never_stratified() -> None:
    notes = Notes()
    assert not divide(np.array([0.0, 1.0] * 20), "regression", asked(), notes).stratified
    assert list(notes) == []


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows(rows: int) -> None:
    with pytest.raises(errors.BadData, match="too few"):
        divide(np.arange(rows), "regression", asked(), Notes())


def test_the_digest_names_data_and_division() -> None:
    target = labels(60, 40)
    first = divide(target, "classification", asked(), Notes())
    again = divide(target, "classification", asked(), Notes())
    other = divide(target, "classification", asked(seed=1), Notes())
    assert first.digest("sha256:ab") == again.digest("sha256:ab")
    assert first.digest("sha256:ab").startswith("sha256:")
    assert len({first.digest("sha256:ab"), first.digest("sha256:cd"), other.digest("sha256:ab")}) == 3


def test_the_digest_stays_what_it_is() -> None:
    """Evaluations of stored trainings rest on it: a change of the format or of the shuffling breaks them."""
    split = divide(np.arange(8), "regression", asked(seed=42), Notes())
    assert list(split.test) == [1, 5]
    assert split.digest("sha256:ab") == "sha256:8ddf38ed76b80fd4641aa243957bf77537cc3275de44e3ac645bd0efba739499"


def test_fewer_rows_to_learn_from_are_nested_and_by_class() -> None:
    target = labels(150, 40, 10)
    whole = divide(target, "classification", asked(), Notes())
    parts = [divide(target, "classification", asked(train_rows=most), Notes()) for most in (3, 15, 60, 1000)]
    assert [len(part.train) for part in parts] == [3, 15, 60, 150]
    for less, more in zip(parts, [*parts[1:], whole], strict=True):
        assert set(less.train) <= set(more.train)
        assert list(less.test) == list(whole.test)
    assert sorted(target[parts[0].train]) == ["a", "b", "c"]
    assert [(target[parts[2].train] == name).sum() for name in "abc"] == [44, 12, 4]
    numbers = divide(np.arange(100), "regression", asked(train_rows=7), Notes())
    assert (len(numbers.train), len(numbers.test)) == (7, 25)
    assert parts[0].digest("d") != whole.digest("d")
