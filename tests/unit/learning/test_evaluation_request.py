"""What an evaluation request becomes, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from common.learning.evaluation_request import complete_evaluation
from tests.unit.learning.requests import column, dataset, evaluation


def trained(task: str = "classification") -> dict[str, Any]:
    features = [{"name": "bill_length_mm", "type": "number"}, {"name": "island", "type": "category"}]
    request = {"task": task, "target": "species", "algorithm": "decision_tree"}
    return {"request": request, "result": {"features": features}}


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (
            "classification",
            ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"],
        ),
        ("regression", ["r2", "mae", "rmse"]),
    ],
)
@pytest.mark.parametrize("asked", [None, []])
def test_without_measures_it_is_those_of_the_task(task: str, expected: list[str], asked: list[str] | None) -> None:
    completed, flaws = complete_evaluation(evaluation(measures=asked), trained(task), None)
    assert flaws == []
    assert completed["measures"] == expected
    assert completed["dataset"] is None


def test_measures_are_computed_once_each() -> None:
    completed, flaws = complete_evaluation(evaluation(measures=["f1_macro", "f1", "f1_macro"]), trained(), None)
    assert flaws == []
    assert completed["measures"] == ["f1_macro", "f1"]


def test_all_wrong_measures_are_said() -> None:
    _, flaws = complete_evaluation(evaluation(measures=["f1", "acuracy", "rmse"]), trained(), None)
    assert [(flaw.pointer, flaw.code) for flaw in flaws] == [
        ("/measures/1", "unknown_measure"),
        ("/measures/2", "measure_task"),
    ]
    assert "accuracy" in flaws[0].suggestions


def test_another_dataset_must_have_the_columns() -> None:
    other = dataset(column("bill_lenght_mm", "number", 9), column("island", "text", 3), column("extra", "text", 3))
    _, flaws = complete_evaluation(evaluation(dataset="other"), trained(), other)
    assert [(flaw.pointer, flaw.code) for flaw in flaws] == [("/dataset", "missing_column")] * 2
    assert "'bill_length_mm'" in flaws[0].detail
    assert flaws[0].suggestions == ("bill_lenght_mm",)
    assert "target" in flaws[1].detail


def test_another_dataset_that_fits() -> None:
    completed, flaws = complete_evaluation(evaluation(dataset="other"), trained(), dataset())
    assert flaws == []
    assert completed["dataset"]["digest"] == "sha256:ab"


def test_another_dataset_needs_values_of_the_target() -> None:
    other = dataset(
        column("bill_length_mm", "number", 9), column("island", "category", 3), column("species", "text", 0, 344)
    )
    _, flaws = complete_evaluation(evaluation(dataset="other"), trained(), other)
    assert [flaw.code for flaw in flaws] == ["too_few_rows"]


def test_the_columns_and_measure_of_an_importance_are_completed() -> None:
    completed, flaws = complete_evaluation(evaluation(permutation_importance={}), trained(), None)
    assert flaws == []
    asked = completed["permutation_importance"]
    assert (asked["measure"], asked["columns"]) == ("balanced_accuracy", ["bill_length_mm", "island"])
    completed, flaws = complete_evaluation(
        evaluation(partial_dependence={"columns": ["island", "island"]}), trained(), None
    )
    assert (completed["partial_dependence"]["columns"], flaws) == (["island"], [])


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        ({"permutation_importance": {"measure": "all", "columns": ["iland"]}}, ["columns/0", "measure"]),
        ({"permutation_importance": {"measure": "rmse"}}, ["measure"]),
        ({"partial_dependence": {"columns": ["island", "species"]}}, ["columns/1"]),
    ],
)
def test_wrong_looks_at_columns(asked: dict[str, Any], pointers: list[str]) -> None:
    _, flaws = complete_evaluation(evaluation(**asked), trained(), None)
    assert [flaw.pointer for flaw in flaws] == [f"/{next(iter(asked))}/{pointer}" for pointer in pointers]


def test_what_trains_anew_stands_alone() -> None:
    asked = {"learning_curve": {}, "cross_validation": {}, "partial_dependence": {}, "confidence": {}}
    _, flaws = complete_evaluation(evaluation(**asked), trained(), None)
    assert {flaw.pointer for flaw in flaws} == {"/confidence", "/learning_curve", "/partial_dependence"}
    _, flaws = complete_evaluation(evaluation(learning_curve={"method": "time"}), trained(), None)
    assert [flaw.pointer for flaw in flaws] == ["/learning_curve/column"]
    _, flaws = complete_evaluation(
        evaluation(permutation_importance={}, measures=["silhouette"]), trained("clustering"), None
    )
    assert [flaw.pointer for flaw in flaws] == ["/permutation_importance"]
