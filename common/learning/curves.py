"""Curves over the threshold of a score, for two classes: what a classifier could trade."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from common.learning.measures.entry import Predictions, Undefined

MOST_POINTS = 200


def of(predictions: Predictions) -> dict[str, Any]:
    """`{"curves": {"roc", "precision_recall"}}` of the positive class, or nothing where they are not defined.

    Each curve is one list per axis, at most 200 points, evenly thinned; both ends stay.
    """
    if predictions.positive is None:
        return {}
    try:
        (scores,) = predictions.scores().values()
    except Undefined:
        return {}
    belongs = predictions.truth == predictions.positive
    if belongs.all() or not belongs.any():
        return {}
    false_rate, true_rate, _ = roc_curve(belongs, scores)
    precision, recall, _ = precision_recall_curve(belongs, scores, drop_intermediate=True)
    roc = _thinned({"false_positive_rate": false_rate, "true_positive_rate": true_rate})
    return {"curves": {"roc": roc, "precision_recall": _thinned({"recall": recall, "precision": precision})}}


def _thinned(axes: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[float]]:
    points = len(next(iter(axes.values())))
    kept = np.unique(np.linspace(0, points - 1, min(points, MOST_POINTS)).round().astype(int))
    return {name: [round(float(value), 6) for value in values[kept]] for name, values in axes.items()}
