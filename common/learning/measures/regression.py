"""Measures of errors of numbers."""

from __future__ import annotations

from common.learning.algorithms.entry import REGRESSION
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined


def _r2(predictions: Predictions) -> float:
    from sklearn.metrics import r2_score

    if len(predictions.truth) < 2:
        raise Undefined("a single row has no variance that could be explained")
    return float(r2_score(predictions.truth, predictions.predicted))


def _mae(predictions: Predictions) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(predictions.truth, predictions.predicted))


def _rmse(predictions: Predictions) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(predictions.truth, predictions.predicted))


ENTRIES = (
    MeasureEntry(
        "r2",
        (REGRESSION,),
        "higher",
        (None, 1.0),
        "Coefficient of determination: 1 - squared errors / squared deviations from the mean.",
        _r2,
    ),
    MeasureEntry("mae", (REGRESSION,), "lower", (0.0, None), "Mean absolute error, in units of the target.", _mae),
    MeasureEntry(
        "rmse", (REGRESSION,), "lower", (0.0, None), "Root of the mean squared error, in units of the target.", _rmse
    ),
)
