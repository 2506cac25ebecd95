"""Accuracy, plain and balanced over classes."""

from __future__ import annotations

from common.learning.measure import Measure, Predictions


def accuracy(predictions: Predictions) -> float:
    """Share of rows whose label is predicted exactly."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(predictions.true, predictions.predicted))


def balanced_accuracy(predictions: Predictions) -> float:
    """Mean of the recalls of the classes that have true rows."""
    import numpy as np

    # scikit-learn's balanced_accuracy_score is the same figure, but warns of predicted classes without true rows.
    labels = np.unique(predictions.true)
    return float(np.mean([np.mean(predictions.predicted[predictions.true == label] == label) for label in labels]))


MEASURES = (
    Measure(
        "accuracy",
        ("classification",),
        "maximize",
        0.0,
        1.0,
        "Share of rows that are predicted correctly.",
        accuracy,
    ),
    Measure(
        "balanced_accuracy",
        ("classification",),
        "maximize",
        0.0,
        1.0,
        "Mean of the recalls of all classes; chance is 1 / number of classes.",
        balanced_accuracy,
    ),
)
