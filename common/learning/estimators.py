"""Any estimator of scikit-learn by its qualified name, such as `sklearn.ensemble.AdaBoostClassifier`.

A name is looked up on scikit-learn's own list (`sklearn.utils.all_estimators`); nothing that a client wrote is ever
imported. Services take such a name as it is, for they do not load scikit-learn; the task, its parameters and their
values are checked in the child, by scikit-learn's own constraints, before anything is fitted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from common import errors
from common.errors import Flaw
from common.learning import learned
from common.learning.algorithms.entry import ANOMALY, CLASSIFICATION, CLUSTERING, REGRESSION, TASKS, AlgorithmEntry
from common.learning.hyperparameters import pointer

_QUALIFIED = re.compile(r"sklearn(\.[a-z][a-z_]*)+\.[A-Z]\w{0,80}")
_FILTERS = {CLASSIFICATION: "classifier", REGRESSION: "regressor", CLUSTERING: "cluster"}
_REFUSED = {
    "memory": "names a folder that is read and written",
    "n_jobs": "is the platform's to say",
    "warm_start": "has no meaning for a single fit",
}


def entry(name: str) -> AlgorithmEntry | None:
    """The entry of a qualified name; None for what cannot be one. Whether there is such an estimator, `build` says."""
    if len(name) > 200 or not _QUALIFIED.fullmatch(name):
        return None
    return AlgorithmEntry(
        name=name,
        title=name.rpartition(".")[2],
        description="An estimator of scikit-learn, by its qualified name.",
        parameters=dict.fromkeys(TASKS, ()),
        build=partial(_build, name),
        learned=_learned,
        dense=True,
        open=True,
    )


def _build(name: str, task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    """The unfitted estimator. Raises `errors.BadData` with the flaws of name and parameters."""
    known = _known(task)
    if name not in known:
        near = tuple(difflib.get_close_matches(name, known, n=5))
        detail = f"scikit-learn has no estimator {name!r} for {task}"
        raise errors.BadData(detail, flaws=[Flaw("/algorithm", "unknown_algorithm", detail, near)])
    try:
        taken = known[name]().get_params(deep=False)
    except TypeError as error:
        raise errors.BadData(f"{name} is built from other estimators, which cannot be told here") from error
    flaws = []
    for given in parameters:
        if given in _REFUSED:
            flaws.append(Flaw(pointer(given), "hyperparameter", f"{given} {_REFUSED[given]}"))
        elif given not in taken:
            near = tuple(difflib.get_close_matches(given, taken))
            detail = f"there is no hyper-parameter {given!r}; there are: {', '.join(taken)}"
            flaws.append(Flaw(pointer(given), "unknown_parameter", detail, near))
    if flaws:
        raise errors.BadData("; ".join(flaw.detail for flaw in flaws), flaws=flaws)
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}
    estimator = known[name](**told, **({"n_jobs": threads} if "n_jobs" in taken else {}))
    try:
        estimator._validate_params()
    except ValueError as error:  # InvalidParameterError: it names the parameter and what it may be
        raise errors.BadData(str(error)) from error
    return estimator


def _known(task: str) -> dict[str, Any]:
    """scikit-learn's estimators for a task by their public names."""
    from sklearn.base import OutlierMixin
    from sklearn.utils import all_estimators

    if task == ANOMALY:
        found = [each for _, each in all_estimators() if issubclass(each, OutlierMixin)]
    else:
        found = [each for _, each in all_estimators(type_filter=_FILTERS[task])]
    return {f"{each.__module__.partition('._')[0]}.{each.__name__}": each for each in found}


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    """What many estimators have in common: importances, coefficients, rounds."""
    shown: dict[str, Any] = {}
    importances = getattr(estimator, "feature_importances_", None)
    if importances is not None and len(importances) == len(names):
        shown["importances"] = learned.importances(names, list(importances))
    coefficients = getattr(estimator, "coef_", None)
    if coefficients is not None and getattr(coefficients, "shape", (0,))[-1] == len(names):
        shown["coefficients"] = learned.by_size(names, list(coefficients.reshape(-1, len(names))))
    rounds = getattr(estimator, "n_iter_", None)
    if isinstance(rounds, int):
        shown["n_iter"] = rounds
    return shown
