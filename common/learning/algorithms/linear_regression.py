"""Linear regression by ordinary least squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**parameters)


ENTRY = AlgorithmEntry(
    name="linear_regression",
    title="Linear regression",
    description="Ordinary least squares: the linear function with the smallest sum of squared errors.",
    parameters={
        REGRESSION: (
            Hyperparameter("fit_intercept", (Boolean(),), True, "Whether there is an intercept."),
            Hyperparameter("positive", (Boolean(),), False, "Whether coefficients are forced to be ≥ 0."),
        )
    },
    build=_build,
    learned=learned.linear,
    dense=True,  # `positive` refuses a sparse matrix, and least squares on a dense one is exact
)
