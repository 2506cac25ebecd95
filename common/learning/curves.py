"""What there is to draw of predictions: curves of classes, residuals of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from common.learning.measures.entry import Predictions, Undefined

MOST_POINTS = 200
_MOST_CLASSES, _FEWER_POINTS = 10, 50
_BINS = 20
_RELIABILITY_BINS = 10


def of(predictions: Predictions) -> dict[str, Any]:
    """`{"curves": {"roc", "precision_recall", "calibration"}}` of the positive class, where they are defined.

    Each curve is one list per axis, at most 200 points, evenly thinned; both ends stay. Calibration is of probabilities
    only: in ten bins of one width the mean `predicted` one, the share `observed`, and the `rows`, without empty bins.
    Of more than two classes, the ten most frequent: `one_vs_rest` [{"label", "roc", "precision_recall"}], 50 points.
    """
    try:
        scores = predictions.scores()
    except Undefined:
        return {}
    if predictions.positive is not None:
        found = _of_one(predictions, predictions.positive, scores[predictions.positive], MOST_POINTS)
        if found and predictions.probabilities is not None:
            belongs = predictions.truth == predictions.positive
            found["calibration"] = _calibration(belongs, np.asarray(scores[predictions.positive], dtype=float))
        return {"curves": found} if found else {}
    counts = np.bincount(predictions.truth, minlength=len(predictions.labels))
    shown = sorted(scores, key=lambda position: -int(counts[position]))[:_MOST_CLASSES]
    several = [
        {"label": predictions.labels[position], **found}
        for position in sorted(shown)
        if (found := _of_one(predictions, position, scores[position], _FEWER_POINTS))
    ]
    return {"curves": {"one_vs_rest": several}} if several else {}


def _of_one(predictions: Predictions, position: int, scores: Any, most: int) -> dict[str, Any]:
    """The curves of one class against the others; none if all rows are of it, or no row is."""
    belongs = predictions.truth == position
    if belongs.all() or not belongs.any():
        return {}
    false_rate, true_rate, _ = roc_curve(belongs, scores)
    precision, recall, _ = precision_recall_curve(belongs, scores, drop_intermediate=True)
    return {
        "roc": _thinned({"false_positive_rate": false_rate, "true_positive_rate": true_rate}, most),
        "precision_recall": _thinned({"recall": recall, "precision": precision}, most),
    }


def residuals(predictions: Predictions) -> dict[str, Any]:
    """`{"residuals": {"predicted", "residual", "histogram", "quantiles"}}`: truth less prediction.

    Points are at most 200, evenly spread over the order of the predictions; histogram (20 bins of one width) and
    quantiles are of all rows.
    """
    predicted = np.asarray(predictions.predicted, dtype=float)
    if not len(predicted):
        return {}
    with np.errstate(over="ignore"):
        found = np.asarray(predictions.truth, dtype=float) - predicted
        if not np.isfinite(found).all() or not np.isfinite(np.ptp(found)):
            return {}
    order = np.argsort(predicted, kind="stable")
    points = _thinned({"predicted": predicted[order], "residual": found[order]})
    try:
        counts, edges = np.histogram(found, bins=_BINS)
    except ValueError:  # so close together that there are not 20 floats between them
        counts, edges = np.array([len(found)]), np.array([found.min(), found.max()])
    shares = ("0.05", "0.25", "0.5", "0.75", "0.95")
    quantiles = np.quantile(found, [float(share) for share in shares])
    more = {"histogram": {"edges": edges.tolist(), "counts": counts.tolist()}}
    return {"residuals": {**points, **more, "quantiles": dict(zip(shares, quantiles.tolist(), strict=True))}}


def _calibration(belongs: np.ndarray[Any, Any], probabilities: np.ndarray[Any, Any]) -> dict[str, list[float]]:
    """A reliability curve (DeGroot and Fienberg 1983)."""
    bins = np.minimum((probabilities * _RELIABILITY_BINS).astype(int), _RELIABILITY_BINS - 1)
    rows = np.bincount(bins, minlength=_RELIABILITY_BINS)
    used = rows > 0
    axes = {
        "predicted": np.bincount(bins, weights=probabilities, minlength=_RELIABILITY_BINS)[used] / rows[used],
        "observed": np.bincount(bins, weights=belongs, minlength=_RELIABILITY_BINS)[used] / rows[used],
        "rows": rows[used],
    }
    return {name: [round(float(value), 6) for value in values] for name, values in axes.items()}


def _thinned(axes: dict[str, np.ndarray[Any, Any]], most: int = MOST_POINTS) -> dict[str, list[float]]:
    points = len(next(iter(axes.values())))
    kept = np.unique(np.linspace(0, points - 1, min(points, most)).round().astype(int))
    return {name: [round(float(value), 6) for value in values[kept]] for name, values in axes.items()}
