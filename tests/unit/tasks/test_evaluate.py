"""Evaluating a trained model: on its held-out rows, on other rows, and refusing what is not what was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import metrics

from common import errors
from common.learning.artifact import TRUSTED
from tests.unit.tasks.task_data import TYPES, Trained, Workshop, table, version, with_gaps

TREE: dict[str, Any] = {"algorithm": "decision_tree", "parameters": {"max_depth": 3}}


@pytest.mark.parametrize("target", ["kind", "sort", "level", "weight"])
def test_held_out_rows_give_the_figures_of_the_training(workshop: Workshop, target: str) -> None:
    trained = workshop.train(with_gaps(table()), target=target, **TREE)
    result = trained.evaluate()
    assert result["measures"] == trained.result["measures"]["test"]
    assert result["rows"] == trained.result["split"]["test_rows"]
    assert result["dropped_rows"] == trained.result["split"]["dropped_rows"]
    assert result["split"]["digest"] == trained.result["split"]["digest"]
    assert "dataset" not in result
    assert ("confusion_matrix" in result) == (target != "weight")
    assert result["averaging"] == {"kind": "binary", "weight": None}.get(target, "macro")


def test_figures_are_those_of_scikit_learn(workshop: Workshop) -> None:
    trained = workshop.train(table(), target="sort", **TREE)
    other = table(120, seed=9)
    names = [
        "precision_macro", "recall_micro", "f1_weighted", "f1", "accuracy", "roc_auc", "log_loss", "balanced_accuracy",
    ]  # fmt: skip
    result = trained.evaluate(names, version(other, id="ds_2"), workshop.save(other, "other"))
    model = skops.io.loads(trained.files.outputs["artifact"], trusted=list(TRUSTED))
    frame = pd.read_parquet(workshop.save(other, "other"))
    x = frame[[feature["name"] for feature in trained.result["features"]]]
    truth, predicted, scores = frame["sort"].to_numpy(object), model.predict(x), model.predict_proba(x)
    assert result["measures"] == pytest.approx(
        {
            "precision_macro": metrics.precision_score(truth, predicted, average="macro"),
            "recall_micro": metrics.recall_score(truth, predicted, average="micro"),
            "f1_weighted": metrics.f1_score(truth, predicted, average="weighted"),
            "f1": metrics.f1_score(truth, predicted, average="macro"),
            "accuracy": metrics.accuracy_score(truth, predicted),
            "roc_auc": metrics.roc_auc_score(truth, scores, multi_class="ovr", average="macro"),
            "log_loss": metrics.log_loss(truth, scores),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        }
    )
    assert result["confusion_matrix"]["labels"] == ["a", "b", "c"]
    assert result["confusion_matrix"]["counts"] == metrics.confusion_matrix(truth, predicted).tolist()
    report = metrics.classification_report(truth, predicted, output_dict=True)
    for line in result["per_class"]:
        expected = report[line["label"]]
        assert line["precision"] == pytest.approx(expected["precision"])
        assert line["recall"] == pytest.approx(expected["recall"])
        assert line["f1"] == pytest.approx(expected["f1-score"])
        assert line["support"] == expected["support"]
    assert result["dataset"] == {"id": "ds_2", "name": "things", "version": 1, "digest": "sha256:ab"}


def test_regression_figures_are_those_of_scikit_learn(workshop: Workshop) -> None:
    trained = workshop.train(table(), target="weight", algorithm="linear_regression")
    other = table(50, seed=4)
    result = trained.evaluate(["r2", "mae", "rmse"], version(other), workshop.save(other, "other"))
    model = skops.io.loads(trained.files.outputs["artifact"], trusted=list(TRUSTED))
    frame = pd.read_parquet(workshop.save(other, "other"))
    predicted = model.predict(frame[[feature["name"] for feature in trained.result["features"]]])
    assert result["measures"] == pytest.approx(
        {
            "r2": metrics.r2_score(frame["weight"], predicted),
            "mae": metrics.mean_absolute_error(frame["weight"], predicted),
            "rmse": metrics.mean_squared_error(frame["weight"], predicted) ** 0.5,
        }
    )


def evaluate_other(workshop: Workshop, trained: Trained, frame: pd.DataFrame, **types: str) -> dict[str, Any]:
    described = version(frame, {**TYPES, "extra": "text", **types})
    return trained.evaluate(None, described, workshop.save(frame, "other"))


def test_another_dataset_is_matched_by_name_and_cast(workshop: Workshop) -> None:
    trained = workshop.train(with_gaps(table()), **TREE)
    other = table(100, seed=5)
    expected = evaluate_other(workshop, trained, other)
    changed = other.sample(frac=1, axis=1, random_state=0).assign(extra="ignored")
    changed["size"] = changed["size"].map(str)
    changed["count"] = changed["count"].astype(float)
    changed["heavy"] = changed["heavy"].map(lambda value: "TRUE" if value else "false")
    changed["colour"] = changed["colour"].astype("category")
    result = evaluate_other(workshop, trained, changed, size="text", count="number", heavy="text")
    assert result["measures"] == expected["measures"]
    assert result["notes"] == expected["notes"] == []


def test_values_that_cannot_be_cast_are_missing_and_noted(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    other = table(100, seed=5)
    other["size"] = other["size"].map(str).where(other.index % 10 > 0, "wide")
    result = evaluate_other(workshop, trained, other, size="text")
    assert result["rows"] == 100
    assert "10 values of column 'size' do not fit the training's type and are taken as missing" in result["notes"]


def test_a_column_without_any_value_does_no_harm(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    other = table(40, seed=5).assign(colour=None, size=np.nan, heavy=None)
    assert evaluate_other(workshop, trained, other)["rows"] == 40


def test_curves_are_those_of_the_positive_class(workshop: Workshop) -> None:
    result = workshop.train(table(), algorithm="svm").evaluate()
    assert result["curves"]["roc"]["true_positive_rate"][-1] == 1.0
    several = workshop.train(table(), target="sort", **TREE).evaluate()["curves"]
    assert [one["label"] for one in several["one_vs_rest"]] == ["a", "b", "c"]


def test_rows_without_target_are_dropped_and_counted(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    result = evaluate_other(workshop, trained, with_gaps(table(100, seed=5)))
    assert (result["rows"], result["dropped_rows"]) == (97, 3)


def test_classes_the_model_does_not_know(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    other = table(100, seed=5)
    other.loc[:9, "kind"] = "perhaps"
    result = evaluate_other(workshop, trained, other)
    assert result["confusion_matrix"]["labels"] == ["no", "yes", "perhaps"]
    assert result["per_class"][2] == {
        "label": "perhaps",
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "support": 10,
    }
    assert result["measures"]["log_loss"] is None
    assert "these rows: log_loss is undefined: the model does not know the class 'perhaps'" in result["notes"]
    assert result["averaging"] == "binary"


def test_measures_of_a_single_class_are_null_where_undefined(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    result = evaluate_other(workshop, trained, table(60, seed=5).query("kind == 'yes'"))
    assert result["measures"]["roc_auc"] is None
    assert "these rows: roc_auc is undefined: all rows are of class 'yes'" in result["notes"]
    assert result["measures"]["recall"] is not None


def test_a_single_row_explains_no_variance(workshop: Workshop) -> None:
    trained = workshop.train(table(), target="weight", algorithm="linear_regression")
    result = evaluate_other(workshop, trained, table(1, seed=5))
    assert result["measures"]["r2"] is None
    assert result["measures"]["mae"] > 0


def test_a_changed_artifact_is_refused(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    data = bytearray(trained.files.outputs["artifact"])
    data[len(data) // 2] ^= 1
    trained.files.outputs["artifact"] = bytes(data)
    with pytest.raises(errors.IntegrityError, match="not what was stored"):
        trained.evaluate()


def test_held_out_rows_must_be_those_of_the_training(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    workshop.save(table(199))
    with pytest.raises(errors.IntegrityError, match="held-out rows are not those"):
        trained.evaluate()


def test_infinite_values_are_refused(workshop: Workshop) -> None:
    trained = workshop.train(table(), **TREE)
    with pytest.raises(errors.BadData, match="'size' has infinite values"):
        evaluate_other(workshop, trained, table(20).assign(size=np.inf))
