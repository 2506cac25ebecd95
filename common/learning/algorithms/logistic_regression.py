"""Logistic regression (multinomial for more than two classes), fitted by scikit-learn's `LogisticRegression`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithm import RANDOM_STATE, Algorithm, Task
from common.learning.learned import linear_terms
from common.learning.parameter import Boolean, Choice, Integer, Null, Number, Parameter


def build(task: Task, parameters: Mapping[str, Any], threads: int) -> Any:
    """An unfitted estimator; `l1_ratio` above 0 needs the solver that supports it."""
    from sklearn.linear_model import LogisticRegression

    chosen = dict(parameters)
    solver = "saga" if chosen["l1_ratio"] > 0 else "lbfgs"
    return LogisticRegression(solver=solver, **chosen)


def learned(estimator: Any, feature_names: Sequence[str]) -> dict[str, Any]:
    """Coefficients by class (the positive one alone for two classes), intercepts, iterations."""
    classes = estimator.classes_
    rows = classes if len(estimator.coef_) == len(classes) else classes[1:]
    return {
        **linear_terms(estimator.coef_, estimator.intercept_, rows, feature_names),
        "iterations": int(max(estimator.n_iter_)),
    }


ALGORITHM = Algorithm(
    name="logistic_regression",
    title="Logistic regression",
    description=(
        "A linear model of the log-odds of each class. Fast, well calibrated, its coefficients can be read; "
        "it cannot see interactions of features."
    ),
    parameters={
        "classification": (
            Parameter(
                "C",
                1.0,
                (Number(above=0, maximum=1e10),),
                "Inverse strength of regularisation; smaller is stronger.",
            ),
            Parameter(
                "l1_ratio",
                0.0,
                (Number(minimum=0, maximum=1),),
                "Share of the L1 penalty: 0 is ridge (L2), 1 is lasso (L1), between is elastic net.",
            ),
            Parameter(
                "class_weight",
                None,
                (Choice(("balanced",)), Null("all classes weigh the same")),
                "Weights of the classes; balanced weighs them inversely to their frequency.",
            ),
            Parameter("fit_intercept", True, (Boolean(),), "Whether to fit a constant term."),
            Parameter("max_iter", 1000, (Integer(minimum=1, maximum=1_000_000),), "Most iterations of the solver."),
            Parameter("tol", 1e-4, (Number(above=0, maximum=1),), "Tolerance at which the solver stops."),
            RANDOM_STATE,
        )
    },
    build=build,
    learned=learned,
)
