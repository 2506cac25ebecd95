"""Measures and curves of given predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from common.learning import curves, measuring
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined
from common.learning.notes import Notes
from common.learning.registry import measures

TRUTH = np.array(["a", "b", "b", "a", "b", "a"], dtype=object)
PREDICTED = np.array(["a", "b", "a", "b", "b", "a"], dtype=object)
MARGINS = np.array([-2.0, 1.5, -0.5, 0.2, 3.0, -0.1])


def two_classes(positive: str = "b", **scores: Any) -> Predictions:
    return measuring.encode(TRUTH, PREDICTED, ("a", "b"), positive, **scores)


def one_row(positive: str) -> Predictions:
    """Of class a."""
    return measuring.encode(TRUTH[:1], TRUTH[:1], ("a", "b"), positive, decisions=MARGINS[:1])


def figure(name: str, predictions: Predictions) -> float:
    return measures()[name].compute(predictions)


@pytest.mark.parametrize("positive", ["a", "b"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_two_classes_measure_the_positive_one(name: str, positive: str) -> None:
    expected = getattr(metrics, f"{name}_score")(TRUTH, PREDICTED, pos_label=positive)
    assert figure(name, two_classes(positive)) == pytest.approx(expected)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_a_suffix_names_the_average(name: str, average: str) -> None:
    expected = getattr(metrics, f"{name}_score")(TRUTH, PREDICTED, average=average)
    assert figure(f"{name}_{average}", two_classes()) == pytest.approx(expected)


@pytest.mark.parametrize("positive", ["a", "b"])
def test_a_decision_function_ranks_as_well_as_probabilities(positive: str) -> None:
    chance = 1 / (1 + np.exp(-MARGINS))
    probabilities = np.column_stack([1 - chance, chance])
    expected = metrics.roc_auc_score(TRUTH == "b", MARGINS)
    assert figure("roc_auc", two_classes(positive, decisions=MARGINS)) == pytest.approx(expected)
    assert figure("roc_auc", two_classes(positive, probabilities=probabilities)) == pytest.approx(expected)


def test_several_classes_are_ranked_each_against_the_rest() -> None:
    random = np.random.default_rng(0)
    truth, probabilities = random.choice(np.array(["a", "b", "c"]), 50), random.dirichlet([1, 1, 1], 50)
    predictions = measuring.encode(truth, truth, ("a", "b", "c"), None, probabilities=probabilities)
    expected = metrics.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert figure("roc_auc", predictions) == pytest.approx(expected)
    assert figure("log_loss", predictions) == pytest.approx(metrics.log_loss(truth, probabilities))


@pytest.mark.parametrize(
    ("name", "predictions", "said"),
    [
        ("roc_auc", two_classes(), "gives no scores"),
        (
            "roc_auc",
            one_row("b"),
            "no row is of class 'b'",
        ),
        ("roc_auc", one_row("a"), "all rows are of"),
        ("log_loss", two_classes(decisions=MARGINS), "gives no probabilities"),
        (
            "log_loss",
            measuring.encode(TRUTH, TRUTH, ("a", "c"), "a", probabilities=np.ones((6, 2)) / 2),
            "does not know the class 'b'",
        ),
        ("r2", Predictions(np.ones(1), np.ones(1)), "single row"),
    ],
)
def test_what_is_undefined_says_why(name: str, predictions: Predictions, said: str) -> None:
    with pytest.raises(Undefined, match=said):
        figure(name, predictions)


def test_undefined_measures_are_null_and_noted() -> None:
    notes = Notes()
    odd = MeasureEntry("odd", ("regression",), "higher", (None, None), "Not a number.", lambda _: math.nan)
    found = measuring.measure(two_classes(), [measures()["roc_auc"], measures()["accuracy"], odd], notes, "test")
    assert found == {"roc_auc": None, "accuracy": pytest.approx(4 / 6), "odd": None}
    assert list(notes) == [
        "test: roc_auc is undefined: the algorithm gives no scores",
        "test: odd is not a finite number",
    ]


def test_a_class_never_predicted_is_noted() -> None:
    notes, never = Notes(), measuring.encode(TRUTH, np.array(["a"] * 6, dtype=object), ("a", "b"), "b")
    assert measuring.measure(never, [measures()["precision"]], notes, "test") == {"precision": 0.0}
    assert [note.partition(" is ill-defined")[0] for note in notes] == ["test: precision: Precision"]


def test_curves_of_two_classes() -> None:
    found = curves.of(two_classes(decisions=MARGINS))["curves"]
    roc, trade = found["roc"], found["precision_recall"]
    area = metrics.auc(roc["false_positive_rate"], roc["true_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(TRUTH == "b", MARGINS))
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][-1]) == (0.0, 1.0)
    assert (trade["recall"][0], trade["precision"][-1]) == (1.0, 1.0)


def test_curves_are_thinned() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(np.array(["a", "b"]), 5000)
    found = curves.of(measuring.encode(truth, truth, ("a", "b"), "b", decisions=random.normal(size=5000)))["curves"]
    for curve in found.values():
        assert {len(values) for values in curve.values()} == {curves.MOST_POINTS}


@pytest.mark.parametrize(
    "predictions",
    [
        two_classes(),
        measuring.encode(TRUTH, TRUTH, ("a", "b", "c"), None, probabilities=np.ones((6, 3))),
        one_row("a"),
        one_row("b"),
    ],
)
def test_no_curves_where_they_mean_nothing(predictions: Predictions) -> None:
    assert curves.of(predictions) == {}
