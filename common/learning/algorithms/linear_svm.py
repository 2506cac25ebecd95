"""Linear support vector machine, for classification and regression: for many rows, where kernels are too slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Nothing, Number, Option, seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.svm import LinearSVC, LinearSVR

    return (LinearSVC if task == CLASSIFICATION else LinearSVR)(**parameters)


def _loss(first: str, other: str) -> Hyperparameter:
    return Hyperparameter("loss", (Option((first, other)),), first, "The loss; the squared one punishes outliers more.")


_COMMON = (
    Hyperparameter("C", (Number(above=0),), 1.0, "Inverse strength of the L2 penalty; smaller is stronger."),
    Hyperparameter("max_iter", (Integer(1, 1_000_000),), 10_000, "Most iterations of the solver."),
    Hyperparameter("tol", (Number(above=0),), 1e-4, "Change at which the solver stops."),
    Hyperparameter("fit_intercept", (Boolean(),), True, "Whether there is an intercept."),
)
_WEIGHT = Hyperparameter(
    "class_weight", (Option(("balanced",)), Nothing()), None, "balanced: weigh classes by inverse frequency."
)
_EPSILON = Hyperparameter("epsilon", (Number(0),), 0.0, "Error, in units of the target, that costs nothing.")

ENTRY = AlgorithmEntry(
    name="linear_svm",
    title="Linear support vector machine",
    description="The widest margin between classes, or the flattest tube around a target, without a kernel (Fan et al."
    " 2008). Time grows with the rows, not with their square; gives no probabilities.",
    parameters={
        CLASSIFICATION: (_loss("squared_hinge", "hinge"), *_COMMON, _WEIGHT, seed()),
        REGRESSION: (_loss("epsilon_insensitive", "squared_epsilon_insensitive"), *_COMMON, _EPSILON, seed()),
    },
    build=_build,
    learned=learned.linear,
)
