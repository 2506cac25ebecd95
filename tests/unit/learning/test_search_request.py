"""Search requests: every trial is checked before any begins, and everything wrong is told at its place."""

from __future__ import annotations

from typing import Any

import pytest

from common.contracts.jobs import TrainingRequest
from common.contracts.searches import SearchRequest
from common.errors import Flaw
from common.learning import trials
from common.learning.request import complete_training
from common.learning.search_request import complete_search, training_of

COLUMNS = [
    {"name": "species", "type": "category", "missing": 4, "distinct": 3},
    {"name": "mass", "type": "number", "missing": 2, "distinct": 90},
]
PENGUINS = {
    "id": "ds_1", "name": "penguins", "version": 1, "digest": "sha256:ab", "rows": 1204, "columns": COLUMNS,
}  # fmt: skip
SVM = {"algorithm": "svm", "parameters": {"C": [0.1, 1], "kernel": ["rbf", "linear"]}}


def complete(dataset: dict[str, Any] | None = PENGUINS, **told: Any) -> tuple[dict[str, Any], list[Flaw]]:
    asked = {"session": "ses_1", "dataset": "penguins", "target": "species", "method": "grid", **told}
    return complete_search(SearchRequest.model_validate(asked).model_dump(mode="json"), dataset, {})


def test_a_search_is_completed_with_its_task_measure_and_plan() -> None:
    completed, flaws = complete(algorithms=[SVM])
    assert flaws == []
    told = {name: completed[name] for name in ("task", "by", "direction", "seed", "plan", "left_out")}
    plan = {"seed": 0, "plan": [[4, None]], "left_out": 0}
    assert told == {"task": "classification", "by": "balanced_accuracy", "direction": "higher", **plan}
    assert completed["task_reason"] == "the target 'species' is category"


def test_every_trial_is_a_training_request() -> None:
    completed, _ = complete(algorithms=[SVM], by="matthews_corrcoef", measures=["f1_macro"], split={"seed": 7})
    for trial in trials.trials(completed):
        body = training_of(completed, trial, "ds_1", 30)
        asked = TrainingRequest.model_validate(body).model_dump(mode="json")
        done, flaws = complete_training(asked, PENGUINS)
        assert flaws == []
        assert {"matthews_corrcoef", "f1_macro", "balanced_accuracy"} <= set(done["measures"])
        assert (done["split"]["train_rows"], done["split"]["seed"]) == (30, 7)
        assert trial[1].items() <= done["parameters"].items()


def test_all_are_those_that_fit_with_the_baseline() -> None:
    completed, flaws = complete(method="all")
    names = [one["algorithm"] for one in completed["algorithms"]]
    assert flaws == [] and {"baseline", "svm", "random_forest"} <= set(names) and "ridge" not in names
    without, flaws = complete(method="all", target=None)
    assert [one["algorithm"] for one in without["algorithms"]] == ["k_means", "dbscan", "gaussian_mixture"]
    assert without["by"] == "silhouette"
    other, flaws = complete(method="all", target=None, task="anomaly")
    assert [one["algorithm"] for one in other["algorithms"]] == ["isolation_forest"] and flaws == []


def test_halving_and_a_budget_make_the_plan() -> None:
    drawn = {
        "method": "random",
        "draws": 9,
        "algorithms": [{"algorithm": "svm", "parameters": {"C": _between(1, 9.5)}}],
    }
    completed, _ = complete(**drawn, halving={})
    assert completed["plan"] == [[9, 100], [3, 300], [1, None]]
    completed, _ = complete(**drawn, halving={"factor": 2}, budget={"trials": 10})
    assert (completed["plan"], completed["left_out"]) == ([[9, 112], [1, 225]], 9)


@pytest.mark.parametrize(
    ("told", "pointers"),
    [
        ({"algorithms": [SVM], "method": "all"}, ["/algorithms"]),
        ({}, ["/algorithms"]),
        ({"algorithms": [SVM], "method": "random"}, ["/draws"]),
        ({"algorithms": [SVM], "draws": 3}, ["/draws"]),
        ({"algorithms": [SVM], "target": "specie"}, ["/target"]),
        ({"algorithms": [SVM], "target": "specie", "exclude": ["no"]}, ["/target", "/exclude/0"]),
        ({"algorithms": [SVM], "by": "f2"}, ["/by"]),
        ({"algorithms": [SVM], "halving": {}, "split": {"train_rows": 9}}, ["/split/train_rows"]),
        ({"algorithms": [{"algorithm": "k_means"}], "target": None, "halving": {}}, ["/halving"]),
        ({"algorithms": [SVM, {"algorithm": "ridge"}, {"algorithm": "no"}]},
         ["/algorithms/1/algorithm", "/algorithms/2/algorithm"]),
        ({"algorithms": [SVM, {"algorithm": "svm", "parameters": {"C": [1, 0, "x"], "krnl": "rbf", "tol": []}}]},
         ["/algorithms/1/parameters/tol"]),
        ({"algorithms": [SVM, {"algorithm": "svm", "parameters": {"C": [1, 0, "x"], "krnl": "rbf", "tol": -1}}]},
         ["/algorithms/1/parameters/krnl", "/algorithms/1/parameters/C/1", "/algorithms/1/parameters/C/2",
          "/algorithms/1/parameters/tol"]),
        ({"algorithms": [{"algorithm": "svm", "parameters": {"C": list(range(1, 601))}}] * 2}, ["/algorithms"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(told: dict[str, Any], pointers: list[str]) -> None:
    _, flaws = complete(**told)
    assert sorted(flaw.pointer for flaw in flaws) == sorted(pointers)


def test_without_a_dataset_the_rest_is_told_all_the_same() -> None:
    _, flaws = complete(None, algorithms=[{"algorithm": "svn", "parameters": {"C": []}}], by="f2", draws=2)
    assert {flaw.pointer for flaw in flaws} == {
        "/algorithms/0/algorithm",
        "/algorithms/0/parameters/C",
        "/by",
        "/draws",
    }


def _between(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}
