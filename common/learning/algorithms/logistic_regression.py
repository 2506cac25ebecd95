"""Logistic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Flaw
from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, AlgorithmEntry
from common.learning.hyperparameters import (
    Boolean,
    Hyperparameter,
    Integer,
    Nothing,
    Number,
    Option,
    pointer,
    seed,
)


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**parameters)  # n_jobs has no effect any more; BLAS threads are limited around the fit


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {**learned.linear(estimator, names), "n_iter": int(max(estimator.n_iter_))}


def _check(parameters: Mapping[str, Any], classes: int | None) -> list[Flaw]:
    solver, l1_ratio = parameters["solver"], parameters["l1_ratio"]
    flaws = []
    if l1_ratio and not (solver == "saga" or (solver == "liblinear" and l1_ratio == 1)):
        detail = f"solver {solver!r} only has the L2 penalty: use 'saga', or leave l1_ratio at 0"
        flaws.append(Flaw(pointer("l1_ratio"), "conflict", detail, ("saga",)))
    if solver == "liblinear" and classes is not None and classes > 2:
        detail = f"solver 'liblinear' separates two classes only, the target has {classes}: use 'lbfgs'"
        flaws.append(Flaw(pointer("solver"), "conflict", detail, ("lbfgs",)))
    return flaws


ENTRY = AlgorithmEntry(
    name="logistic_regression",
    title="Logistic regression",
    description="A linear model of the log-odds of each class, with an L2, L1 or elastic-net penalty. Fast, and its"
    " coefficients can be read; it sees no interactions of features.",
    parameters={
        CLASSIFICATION: (
            Hyperparameter("C", (Number(above=0),), 1.0, "Inverse strength of the penalty; smaller is stronger."),
            Hyperparameter("l1_ratio", (Number(0, 1),), 0.0, "Share of L1 in the penalty: 0 is L2, 1 is L1 (saga)."),
            Hyperparameter(
                "solver",
                (Option(("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")),),
                "lbfgs",
                "Optimisation method; liblinear for two classes only.",
            ),
            Hyperparameter("max_iter", (Integer(1, 1_000_000),), 1000, "Most iterations of the solver."),
            Hyperparameter("tol", (Number(above=0),), 1e-4, "Change at which the solver stops."),
            Hyperparameter("fit_intercept", (Boolean(),), True, "Whether there is an intercept."),
            Hyperparameter(
                "class_weight", (Option(("balanced",)), Nothing()), None, "balanced: weigh by inverse class frequency."
            ),
            seed(),
        )
    },
    build=_build,
    learned=_learned,
    check=_check,
)
