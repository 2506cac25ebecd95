"""Gaussian naive Bayes, fitted by scikit-learn's `GaussianNB`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithm import Algorithm, Task
from common.learning.learned import MOST_CLASSES, by_feature
from common.learning.parameter import Number, Parameter


def build(task: Task, parameters: Mapping[str, Any], threads: int) -> Any:
    """An unfitted estimator."""
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**parameters)


def learned(estimator: Any, feature_names: Sequence[str]) -> dict[str, Any]:
    """Prior of each class, and mean and variance of each feature by class."""
    labels = [str(label) for label in estimator.classes_[:MOST_CLASSES]]
    return {
        "priors": {label: float(prior) for label, prior in zip(labels, estimator.class_prior_, strict=False)},
        "means": {label: by_feature(row, feature_names) for label, row in zip(labels, estimator.theta_, strict=False)},
        "variances": {
            label: by_feature(row, feature_names) for label, row in zip(labels, estimator.var_, strict=False)
        },
    }


ALGORITHM = Algorithm(
    name="naive_bayes",
    title="Naive Bayes",
    description=(
        "Takes the features as independent and normally distributed within each class. Instant; a good baseline, its "
        "probabilities are too sure of themselves."
    ),
    parameters={
        "classification": (
            Parameter(
                "var_smoothing",
                1e-9,
                (Number(minimum=0, maximum=1),),
                "Share of the largest variance that is added to all variances, for stability.",
            ),
        )
    },
    build=build,
    learned=learned,
)
