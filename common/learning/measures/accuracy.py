"""Accuracy, and accuracy with every class counting the same."""

from __future__ import annotations

from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.measures.entry import MeasureEntry, Predictions


def _accuracy(predictions: Predictions) -> float:
    return float((predictions.truth == predictions.predicted).mean())


def _balanced_accuracy(predictions: Predictions) -> float:
    import numpy as np

    rows = np.bincount(predictions.truth, minlength=len(predictions.labels))
    hits = np.bincount(predictions.truth[predictions.truth == predictions.predicted], minlength=len(rows))
    return float((hits[rows > 0] / rows[rows > 0]).mean())


ENTRIES = (
    MeasureEntry(
        "accuracy", (CLASSIFICATION,), "higher", (0.0, 1.0), "Share of the rows predicted correctly.", _accuracy
    ),
    MeasureEntry(
        "balanced_accuracy",
        (CLASSIFICATION,),
        "higher",
        (0.0, 1.0),
        "Mean recall of the classes that occur, each counting the same.",
        _balanced_accuracy,
    ),
)
