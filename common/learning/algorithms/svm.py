"""Support vector machine, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Nothing, Number, Option

_COMMON = (
    Hyperparameter("C", (Number(above=0),), 1.0, "Inverse strength of the penalty; smaller is stronger."),
    Hyperparameter("kernel", (Option(("linear", "poly", "rbf", "sigmoid")),), "rbf", "Kernel function."),
    Hyperparameter("degree", (Integer(0, 100),), 3, "Degree of the poly kernel."),
    Hyperparameter(
        "gamma",
        (Option(("scale", "auto")), Number(above=0)),
        "scale",
        "Kernel coefficient of rbf, poly and sigmoid; scale: 1 / (features × variance), auto: 1 / features.",
    ),
    Hyperparameter("coef0", (Number(),), 0.0, "Constant term of the poly and sigmoid kernels."),
    Hyperparameter("shrinking", (Boolean(),), True, "Whether to use the shrinking heuristic."),
    Hyperparameter("tol", (Number(above=0),), 1e-3, "Violation at which the solver stops."),
    Hyperparameter("max_iter", (Integer(1), Nothing()), None, "Most iterations of the solver; null: no limit."),
)


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.svm import SVC, SVR

    max_iter = -1 if parameters["max_iter"] is None else parameters["max_iter"]
    return (SVC if task == CLASSIFICATION else SVR)(**{**parameters, "max_iter": max_iter})


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    classes = list(getattr(estimator, "classes_", ()))
    shown: dict[str, Any] = {"support_vectors": len(estimator.support_)}
    if classes:
        shown["support_vectors_by_class"] = [int(count) for count in estimator.n_support_[: learned.MOST_ROWS]]
    if estimator.kernel == "linear":
        rows = estimator.coef_.toarray() if hasattr(estimator.coef_, "toarray") else estimator.coef_
        pairs = [f"{one} vs {other}" for position, one in enumerate(classes) for other in classes[position + 1 :]]
        # Of two classes scikit-learn turns the sign round, so that larger means the second as everywhere else.
        shown["coefficients"] = learned.by_size(names, rows, pairs if len(classes) > 2 else classes[1:])
    return shown


_WEIGHT = Hyperparameter(
    "class_weight", (Option(("balanced",)), Nothing()), None, "balanced: weigh classes by inverse frequency."
)
_EPSILON = Hyperparameter("epsilon", (Number(0),), 0.1, "Error, in units of the target, that costs nothing.")

ENTRY = AlgorithmEntry(
    name="svm",
    title="Support vector machine",
    description="The widest margin between classes, or the flattest tube around a target, in a kernel's space"
    " (Cortes and Vapnik 1995). Time grows with the square of the rows; gives no probabilities.",
    parameters={CLASSIFICATION: (*_COMMON, _WEIGHT), REGRESSION: (*_COMMON, _EPSILON)},
    build=_build,
    learned=_learned,
)
