"""Naive Bayes over counts: multinomial, and its complement form for classes of unequal size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, AlgorithmEntry, Build
from common.learning.hyperparameters import Boolean, Hyperparameter, Number


def _builder(name: str) -> Build:
    def build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
        from sklearn import naive_bayes
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import MinMaxScaler

        # Counts cannot be negative, and prepared numbers have mean 0: they are put between 0 and 1.
        steps = [("positive", MinMaxScaler(clip=True)), ("count", getattr(naive_bayes, name)(**parameters))]
        return Pipeline(steps)

    return build


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    counted = estimator.named_steps["count"]
    return {
        "class_rows": learned.figures(counted.class_count_[: learned.MOST_ROWS]),
        "log_probabilities": learned.by_size(names, counted.feature_log_prob_, counted.classes_),
    }


_COMMON = (
    Hyperparameter("alpha", (Number(0),), 1.0, "Additive smoothing (Laplace, Lidstone)."),
    Hyperparameter("fit_prior", (Boolean(),), True, "Whether shares of classes are learned, or taken as equal."),
)
_FITS = " Fits where features are counts, words or categories; other numbers are put between 0 and 1 first."

ENTRIES = (
    AlgorithmEntry(
        name="multinomial_naive_bayes",
        title="Naive Bayes (multinomial)",
        description="Bayes' rule with features taken as counts." + _FITS,
        parameters={CLASSIFICATION: _COMMON},
        build=_builder("MultinomialNB"),
        learned=_learned,
        dense=True,
    ),
    AlgorithmEntry(
        name="complement_naive_bayes",
        title="Naive Bayes (complement)",
        description="Multinomial naive Bayes that learns each class from the rows of all others (Rennie et al. 2003):"
        " better with classes of unequal size." + _FITS,
        parameters={
            CLASSIFICATION: (*_COMMON, Hyperparameter("norm", (Boolean(),), False, "Whether weights are normalised."))
        },
        build=_builder("ComplementNB"),
        learned=_learned,
        dense=True,
    ),
)
