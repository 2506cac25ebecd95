"""Measures and curves of given predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from common.learning import curves, intervals, measuring
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
    assert figure("log_loss", predictions) == metrics.log_loss(truth, probabilities)


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


def test_a_class_never_predicted_has_no_precision_but_a_reason() -> None:
    notes, never = Notes(), measuring.encode(TRUTH, np.array(["a"] * 6, dtype=object), ("a", "b"), "b")
    names = ("precision", "precision_macro", "precision_micro", "recall", "f1", "matthews_corrcoef", "cohen_kappa")
    found = measuring.measure(never, [measures()[name] for name in names], notes, "test")
    assert found == {
        **dict.fromkeys(("precision", "precision_macro", "matthews_corrcoef")),
        "precision_micro": 0.5,
        **dict.fromkeys(("recall", "f1", "cohen_kappa"), 0.0),
    }
    assert "test: precision is undefined: no row is predicted as class 'b'" in list(notes)


def test_further_measures_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth, probabilities = random.choice(np.array(["a", "b", "c"]), 60), random.dirichlet([1, 1, 1], 60)
    predicted = np.array(["a", "b", "c"])[probabilities.argmax(axis=1)]
    three = measuring.encode(truth, predicted, ("a", "b", "c"), None, probabilities=probabilities)
    belongs = np.array([[label == one for label in "abc"] for one in truth])
    assert figure("brier", three) == pytest.approx(metrics.brier_score_loss(truth, probabilities))
    assert figure("average_precision", three) == pytest.approx(metrics.average_precision_score(belongs, probabilities))
    assert figure("matthews_corrcoef", three) == pytest.approx(metrics.matthews_corrcoef(truth, predicted))
    assert figure("cohen_kappa", three) == pytest.approx(metrics.cohen_kappa_score(truth, predicted))
    chance = np.column_stack([np.full(6, 0.3), np.full(6, 0.7)])
    two = two_classes("b", probabilities=chance)
    assert figure("brier", two) == pytest.approx(metrics.brier_score_loss(TRUTH, chance[:, 1], pos_label="b"))
    numbers = Predictions(np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0]))
    assert figure("mape", numbers) == pytest.approx(0.25)
    assert figure("median_absolute_error", numbers) == 0.5
    assert figure("explained_variance", numbers) == pytest.approx(
        metrics.explained_variance_score(numbers.truth, numbers.predicted)
    )


def test_groups_are_measured_without_noise() -> None:
    random = np.random.default_rng(0)
    inputs = np.concatenate([random.normal(at, 0.1, (20, 2)) for at in (0, 5, 50)])
    labels = np.repeat([0, 1, -1], 20)
    found = Predictions(None, labels, inputs=inputs, noise=True)
    for name, function in (
        ("silhouette", metrics.silhouette_score),
        ("davies_bouldin", metrics.davies_bouldin_score),
        ("calinski_harabasz", metrics.calinski_harabasz_score),
    ):
        assert figure(name, found) == pytest.approx(function(inputs[:40], labels[:40]))
        with pytest.raises(Undefined, match="no row is in a cluster"):
            figure(name, Predictions(None, np.full(60, -1), inputs=inputs, noise=True))
        with pytest.raises(Undefined, match="all rows are in one group"):
            figure(name, Predictions(None, np.zeros(60), inputs=inputs))


def test_intervals_hold_the_figure_and_repeat() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(np.array(["a", "b"]), 200)
    predicted = np.where(random.random(200) < 0.8, truth, "a")
    rare = measuring.encode(truth, predicted, ("a", "b"), "b")
    asked = {"level": 0.9, "resamples": 100, "seed": 1}
    entries, notes = [measures()[name] for name in ("f1", "roc_auc")], Notes()
    found = intervals.of(rare, entries, asked, notes, lambda *_: None)
    low, high = found["intervals"]["f1"]
    assert low < figure("f1", rare) < high
    assert found["intervals"]["roc_auc"] is None
    assert list(notes) == ["roc_auc has no interval: it is undefined in 100% of the resamples"]
    assert intervals.of(rare, entries, asked, Notes(), lambda *_: None) == found


def test_curves_of_two_classes() -> None:
    found = curves.of(two_classes(decisions=MARGINS))["curves"]
    roc, trade = found["roc"], found["precision_recall"]
    area = metrics.auc(roc["false_positive_rate"], roc["true_positive_rate"])
    assert area == pytest.approx(metrics.roc_auc_score(TRUTH == "b", MARGINS))
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][-1]) == (0.0, 1.0)
    assert (trade["recall"][0], trade["precision"][-1]) == (1.0, 1.0)


def test_calibration_compares_probabilities_with_what_happened() -> None:
    random = np.random.default_rng(0)
    probabilities = random.uniform(size=4000)
    truth = np.where(random.uniform(size=4000) < probabilities**2, "b", "a")
    both = np.column_stack([1 - probabilities, probabilities])
    found = curves.of(measuring.encode(truth, truth, ("a", "b"), "b", probabilities=both))["curves"]["calibration"]
    observed, predicted = calibration_curve(truth == "b", probabilities, n_bins=10)
    assert found["predicted"] == pytest.approx(predicted, abs=1e-6)
    assert found["observed"] == pytest.approx(observed, abs=1e-6)
    assert sum(found["rows"]) == 4000
    certain = np.column_stack([1.0 - (truth == "b"), truth == "b"])
    sure = curves.of(measuring.encode(truth, truth, ("a", "b"), "b", probabilities=certain))["curves"]["calibration"]
    assert (sure["predicted"], sure["observed"]) == ([0, 1], [0, 1])


def test_residuals_are_truth_less_prediction() -> None:
    random = np.random.default_rng(0)
    predicted = random.normal(size=1000)
    found = curves.residuals(Predictions(predicted + 2, predicted))["residuals"]
    assert found["residual"] == [2.0] * curves.MOST_POINTS
    assert found["predicted"] == sorted(found["predicted"])
    assert found["quantiles"]["0.5"] == pytest.approx(2)
    spread = curves.residuals(Predictions(predicted, np.zeros(1000)))["residuals"]
    assert (len(spread["histogram"]["counts"]), sum(spread["histogram"]["counts"])) == (20, 1000)
    assert curves.residuals(Predictions(np.array([1e308, -1e308]), np.zeros(2))) == {}
    assert curves.residuals(Predictions(np.zeros(0), np.zeros(0))) == {}


def test_curves_of_several_classes_are_each_against_the_rest() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(np.array(["a", "b", "c"], dtype=object), 300)
    scores = random.uniform(size=(300, 4))
    found = curves.of(measuring.encode(truth, truth, ("a", "b", "c", "d"), None, probabilities=scores))["curves"]
    assert [one["label"] for one in found["one_vs_rest"]] == ["a", "b", "c"]  # no row is d
    for position, one in enumerate(found["one_vs_rest"]):
        area = metrics.auc(one["roc"]["false_positive_rate"], one["roc"]["true_positive_rate"])
        assert area == pytest.approx(metrics.roc_auc_score(truth == one["label"], scores[:, position]), abs=0.02)
        assert len(one["precision_recall"]["recall"]) <= 50


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
        measuring.encode(TRUTH, TRUTH, ("a", "b", "c"), None),
        one_row("a"),
        one_row("b"),
    ],
)
def test_no_curves_where_they_mean_nothing(predictions: Predictions) -> None:
    assert curves.of(predictions) == {}
