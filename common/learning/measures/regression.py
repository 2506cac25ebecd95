"""Measures of errors of numbers."""

from __future__ import annotations

from common.learning.algorithms.entry import REGRESSION
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined


def _r2(predictions: Predictions) -> float:
    from sklearn.metrics import r2_score

    _need_variance(predictions)
    return float(r2_score(predictions.truth, predictions.predicted))


def _mae(predictions: Predictions) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(predictions.truth, predictions.predicted))


def _rmse(predictions: Predictions) -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(predictions.truth, predictions.predicted))


def _mape(predictions: Predictions) -> float:
    from sklearn.metrics import mean_absolute_percentage_error

    if (predictions.truth == 0).any():
        raise Undefined("a true value is 0, and nothing is a share of 0")
    return float(mean_absolute_percentage_error(predictions.truth, predictions.predicted))


def _median(predictions: Predictions) -> float:
    from sklearn.metrics import median_absolute_error

    return float(median_absolute_error(predictions.truth, predictions.predicted))


def _explained_variance(predictions: Predictions) -> float:
    from sklearn.metrics import explained_variance_score

    _need_variance(predictions)
    return float(explained_variance_score(predictions.truth, predictions.predicted))


def _need_variance(predictions: Predictions) -> None:
    if len(predictions.truth) < 2:
        raise Undefined("a single row has no variance that could be explained")
    if (predictions.truth == predictions.truth[0]).all():
        raise Undefined("all true values are the same: there is no variance that could be explained")


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
    MeasureEntry(
        "mape",
        (REGRESSION,),
        "lower",
        (0.0, None),
        "Mean absolute error as a share of the true value: 0.1 is 10 %; undefined where a true value is 0.",
        _mape,
        default=False,
    ),
    MeasureEntry(
        "median_absolute_error",
        (REGRESSION,),
        "lower",
        (0.0, None),
        "Median of the absolute errors, in units of the target: outliers do not move it.",
        _median,
        default=False,
    ),
    MeasureEntry(
        "explained_variance",
        (REGRESSION,),
        "higher",
        (None, 1.0),
        "1 - variance of the errors / variance of the target: r2 but for a constant error.",
        _explained_variance,
        default=False,
    ),
)
