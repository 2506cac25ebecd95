"""Learning curves, permutation importance and partial dependence: scikit-learn's figures, over whole pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.inspection import partial_dependence, permutation_importance

from common.learning import artifact, folds, sample, split
from tests.unit.tasks.task_data import Trained, Workshop, table, with_gaps

FEATURES = ["size", "count", "colour", "heavy"]


def held_out(done: Trained) -> tuple[Any, sample.Sample]:
    model = artifact.load(done.files.outputs["artifact"], done.result["artifact"]["digest"])
    rows = sample.read(done.files.dataset, done.result["features"], sample.target_of(done.request))
    return model, rows.rows(split.of(rows, done.request, split.Notes()).test)


def test_importance_is_that_of_scikit_learn(workshop: Workshop) -> None:
    done = workshop.train(with_gaps(table()), algorithm="linear_regression", target="weight", features=FEATURES)
    found = done.evaluate(["r2"], permutation_importance={"repeats": 3, "seed": 5})
    told = found["permutation_importance"]
    model, rows = held_out(done)
    features = rows.features.reset_index(drop=True)
    expected = permutation_importance(model, features, rows.target, scoring="r2", n_repeats=3, random_state=5)
    means = {column["name"]: column["mean"] for column in told["columns"]}
    assert means == pytest.approx(dict(zip(FEATURES, expected.importances_mean, strict=True)), abs=1e-8)
    assert (told["columns"][0]["name"], told["measure"], told["rows"]) == ("size", "r2", len(rows))
    assert told["value"] == pytest.approx(found["measures"]["r2"])
    lower = done.evaluate(permutation_importance={"measure": "rmse", "columns": ["count", "size"], "rows": 20})
    told = lower["permutation_importance"]
    assert [column["name"] for column in told["columns"]] == ["size", "count"]  # worse is positive, whatever direction
    assert (told["rows"], told["direction"]) == (20, "lower")


def test_dependence_is_that_of_scikit_learn(workshop: Workshop) -> None:
    done = workshop.train(with_gaps(table()), algorithm="logistic_regression", features=FEATURES, positive_class="no")
    asked = {"columns": FEATURES, "points": 4}
    columns = done.evaluate(partial_dependence=asked)["partial_dependence"]["columns"]
    model, rows = held_out(done)
    frame = rows.features.astype({"count": "float64"})
    for column in columns:
        name, kinds = column["name"], {"colour": object, "heavy": object}
        values = np.array(column["values"], dtype=kinds.get(column["name"], float))
        expected = partial_dependence(model, frame, [name], custom_values={name: values}, method="brute")
        (curve,) = column["curves"]
        assert curve["label"] == "no"  # which is not scikit-learn's positive class
        assert curve["average"] == pytest.approx(1 - expected["average"][0], abs=1e-6)
    assert [len(column["values"]) for column in columns] == [4, 4, 3, 2]


def test_columns_that_matter_are_drawn(workshop: Workshop) -> None:
    done = workshop.train(table(), algorithm="decision_tree", target="sort", features=[*FEATURES, "level"])
    found = done.evaluate(partial_dependence={"rows": 30}, permutation_importance={"repeats": 1})
    drawn = [column["name"] for column in found["partial_dependence"]["columns"]]
    assert drawn == [column["name"] for column in found["permutation_importance"]["columns"]]
    curves = found["partial_dependence"]["columns"][0]["curves"]
    assert [curve["label"] for curve in curves] == ["a", "b", "c"]
    assert np.sum([curve["average"] for curve in curves], axis=0) == pytest.approx(1.0, abs=1e-5)
    alone = done.evaluate(partial_dependence={"points": 2})["partial_dependence"]
    assert len(alone["columns"]) == 5


def test_models_that_only_decide_and_encoded_integers(workshop: Workshop) -> None:
    prepared = {"columns": {"count": {"encode": "one_hot", "max_categories": 5}}}
    done = workshop.train(table(), algorithm="linear_svm", features=["size", "count"], preprocessing=prepared)
    told = done.evaluate(partial_dependence={})["partial_dependence"]
    assert told["response"] == "decision"
    assert {column["name"] for column in told["columns"]} == {"size", "count"}


def test_the_curve_ends_where_the_cross_validation_is(workshop: Workshop) -> None:
    done = workshop.train(with_gaps(table()), algorithm="naive_bayes", features=FEATURES)
    whole = done.evaluate(cross_validation={"folds": 3, "seed": 2})
    found = done.evaluate(processes=2, learning_curve={"folds": 3, "seed": 2, "points": 3})
    curve = found["learning_curve"]["curve"]
    assert found["measures"] == whole["measures"] == curve[-1]["test"]
    assert curve[-1]["spread"]["test"] == whole["cross_validation"]["spread"]
    assert [point["train_rows"] for point in curve] == [13, 72, 131]
    assert {"train", "test", "spread", "fit_seconds"} <= curve[0].keys()


def test_too_few_rows_to_learn_from_are_left_out(workshop: Workshop) -> None:
    done = workshop.train(table(), algorithm="k_nearest_neighbors", parameters={"n_neighbors": 30}, features=["size"])
    found = done.evaluate(["accuracy"], learning_curve={"folds": 2, "points": 2})
    assert [point["train_rows"] for point in found["learning_curve"]["curve"]] == [100]
    assert any(note.startswith("10 rows are too few: ") for note in found["notes"])


def test_curves_use_scikit_learns_fits(workshop: Workshop) -> None:
    done = workshop.train(table()[["size", "weight"]], algorithm="linear_regression", target="weight")
    found = done.evaluate(["r2"], learning_curve={"folds": 2, "points": 2})["learning_curve"]
    model, _ = held_out(done)
    rows = sample.read(done.files.dataset, done.result["features"], sample.target_of(done.request))
    asked = {"folds": 2, "method": "plain", "seed": 0}
    scores = []
    for train, test in folds.of(rows.target, None, "regression", asked):
        some = split.fewer(train, 10, None, 0)
        fitted = clone(model).fit(rows.features.iloc[some], rows.target[some])
        scores.append(fitted.score(rows.features.iloc[test], rows.target[test]))
    assert found["curve"][0]["test"]["r2"] == pytest.approx(np.mean(scores))
