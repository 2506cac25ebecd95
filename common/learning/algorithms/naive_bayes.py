"""Naive Bayes with normal distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, Number


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**parameters)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        "class_priors": learned.figures(estimator.class_prior_[: learned.MOST_ROWS]),
        "means": learned.by_size(names, estimator.theta_, estimator.classes_),
    }


ENTRY = AlgorithmEntry(
    name="naive_bayes",
    title="Naive Bayes",
    description="Bayes' rule with features taken as independent and normally distributed within each class. Instant,"
    " a good baseline; its probabilities are too sure of themselves.",
    parameters={
        CLASSIFICATION: (
            Hyperparameter(
                "var_smoothing", (Number(0),), 1e-9, "Share of the largest variance that is added to all variances."
            ),
        )
    },
    build=_build,
    learned=_learned,
    dense=True,
)
