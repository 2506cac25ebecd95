"""Support vector machine with kernel (libsvm), fitted by scikit-learn's `SVC` and `SVR`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithm import RANDOM_STATE, Algorithm, Task
from common.learning.learned import linear_terms
from common.learning.parameter import Boolean, Choice, Integer, Null, Number, Parameter

CACHE_MB = 200

_SHARED = (
    Parameter("C", 1.0, (Number(above=0, maximum=1e10),), "Inverse strength of regularisation; smaller is stronger."),
    Parameter("kernel", "rbf", (Choice(("rbf", "linear", "poly", "sigmoid")),), "Kernel function."),
    Parameter(
        "gamma",
        "scale",
        (Choice(("scale", "auto")), Number(above=0, maximum=1e10)),
        "Width of the kernels rbf, poly and sigmoid: a rule or a number.",
    ),
    Parameter("degree", 3, (Integer(minimum=1, maximum=20),), "Degree of the kernel poly."),
    Parameter("coef0", 0.0, (Number(),), "Constant term of the kernels poly and sigmoid."),
    Parameter("tol", 1e-3, (Number(above=0, maximum=1),), "Tolerance at which the solver stops."),
)


def build(task: Task, parameters: Mapping[str, Any], threads: int) -> Any:
    """An unfitted estimator; with `probability`, calibrated by 5-fold cross-validation (Platt 1999)."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC, SVR

    if task == "regression":
        return SVR(cache_size=CACHE_MB, **parameters)
    chosen = {name: value for name, value in parameters.items() if name != "probability"}
    machine = SVC(cache_size=CACHE_MB, **chosen)
    if not parameters["probability"]:
        return machine
    folds = StratifiedKFold(5, shuffle=True, random_state=chosen["random_state"])
    return CalibratedClassifierCV(machine, method="sigmoid", cv=folds, ensemble=False)


def learned(estimator: Any, feature_names: Sequence[str]) -> dict[str, Any]:
    """Number of support vectors (by class for classification); coefficients where the kernel is linear."""
    machine = (
        estimator.calibrated_classifiers_[0].estimator if hasattr(estimator, "calibrated_classifiers_") else estimator
    )
    found: dict[str, Any] = {"support_vectors": len(machine.support_)}
    classes = getattr(machine, "classes_", None)
    if classes is not None:
        counts = (int(count) for count in machine.n_support_)
        found["support_vectors_by_class"] = {
            str(label): count for label, count in zip(classes[:100], counts, strict=False)
        }
    if machine.kernel != "linear":
        return found
    if classes is None:
        rows: Sequence[Any] = [None]
    elif len(classes) == 2:
        rows = classes[1:]
    else:  # libsvm decides between each pair of classes
        rows = [f"{a} vs {b}" for i, a in enumerate(classes) for b in classes[i + 1 :]]
    return {**found, **linear_terms(machine.coef_, machine.intercept_, rows, feature_names)}


ALGORITHM = Algorithm(
    name="svm",
    title="Support vector machine",
    description=(
        "Separates classes (or fits a curve) with the widest margin in the space of a kernel. Strong on small, scaled data; "
        "its time grows with the square of the rows, so prefer others above some 20,000."
    ),
    parameters={
        "classification": (
            *_SHARED,
            Parameter(
                "class_weight",
                None,
                (Choice(("balanced",)), Null("all classes weigh the same")),
                "Weights of the classes; balanced weighs them inversely to their frequency.",
            ),
            Parameter(
                "probability",
                False,
                (Boolean(),),
                "Whether to calibrate probabilities (needed by log_loss); takes about six times as long.",
            ),
            RANDOM_STATE,
        ),
        "regression": (
            *_SHARED,
            Parameter(
                "epsilon",
                0.1,
                (Number(minimum=0),),
                "Half the width of the tube in which errors do not count.",
            ),
        ),
    },
    build=build,
    learned=learned,
)
