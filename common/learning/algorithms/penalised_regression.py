"""Linear regression with a penalty on the coefficients: ridge, lasso, elastic net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import REGRESSION, AlgorithmEntry, Build
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Number, Option, seed


def _builder(name: str) -> Build:
    def build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
        from sklearn import linear_model

        return getattr(linear_model, name)(**parameters)

    return build


_ALPHA = Hyperparameter("alpha", (Number(0),), 1.0, "Strength of the penalty; 0: none.")
_INTERCEPT = Hyperparameter("fit_intercept", (Boolean(),), True, "Whether there is an intercept.")
_POSITIVE = Hyperparameter("positive", (Boolean(),), False, "Whether coefficients are forced to be ≥ 0.")
_DESCENT = (
    Hyperparameter("max_iter", (Integer(1, 1_000_000),), 10_000, "Most passes of coordinate descent."),
    Hyperparameter("tol", (Number(above=0),), 1e-4, "Change at which the solver stops."),
    Hyperparameter(
        "selection", (Option(("cyclic", "random")),), "cyclic", "Order in which the coefficients are changed."
    ),
    _INTERCEPT,
    _POSITIVE,
    seed(),
)

ENTRIES = (
    AlgorithmEntry(
        name="ridge",
        title="Ridge regression",
        description="Least squares with an L2 penalty (Hoerl and Kennard 1970): coefficients are shrunk, which tames"
        " correlated features.",
        parameters={
            REGRESSION: (
                _ALPHA,
                Hyperparameter(
                    "solver",
                    (Option(("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga")),),
                    "auto",
                    "Optimisation method.",
                ),
                Hyperparameter("tol", (Number(above=0),), 1e-4, "Change at which an iterative solver stops."),
                _INTERCEPT,
                seed(),
            )
        },
        build=_builder("Ridge"),
        learned=learned.linear,
        dense=True,  # svd and cholesky with an intercept refuse a sparse matrix
    ),
    AlgorithmEntry(
        name="lasso",
        title="Lasso",
        description="Least squares with an L1 penalty (Tibshirani 1996): most coefficients become 0, which chooses"
        " features.",
        parameters={REGRESSION: (_ALPHA, *_DESCENT)},
        build=_builder("Lasso"),
        learned=learned.linear,
    ),
    AlgorithmEntry(
        name="elastic_net",
        title="Elastic net",
        description="Least squares with both an L1 and an L2 penalty (Zou and Hastie 2005).",
        parameters={
            REGRESSION: (
                _ALPHA,
                Hyperparameter("l1_ratio", (Number(0, 1),), 0.5, "Share of L1 in the penalty: 0 is L2, 1 is L1."),
                *_DESCENT,
            )
        },
        build=_builder("ElasticNet"),
        learned=learned.linear,
    ),
)
