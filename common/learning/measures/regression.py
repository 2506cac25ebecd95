"""Measures of a numeric target: R², mean absolute error, root mean squared error."""

from __future__ import annotations

from common.learning.measure import Measure, Predictions, Undefined


def r2(predictions: Predictions) -> float:
    """1 - residual / total sum of squares."""
    from sklearn.metrics import r2_score

    if len(predictions.true) < 2:
        raise Undefined("it needs at least two rows")
    return float(r2_score(predictions.true, predictions.predicted))


def mae(predictions: Predictions) -> float:
    """Mean of |true - predicted|."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(predictions.true, predictions.predicted))


def rmse(predictions: Predictions) -> float:
    """Square root of the mean of (true - predicted)²."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(predictions.true, predictions.predicted))


MEASURES = (
    Measure(
        "r2",
        ("regression",),
        "maximize",
        None,
        1.0,
        "Coefficient of determination: 1 - squared errors / squared deviations from the mean; 0 is as good as the mean.",
        r2,
    ),
    Measure("mae", ("regression",), "minimize", 0.0, None, "Mean absolute error, in units of the target.", mae),
    Measure(
        "rmse",
        ("regression",),
        "minimize",
        0.0,
        None,
        "Root mean squared error, in units of the target.",
        rmse,
    ),
)
