"""Any estimator by its qualified name: of scikit-learn, or of a package that an administrator has listed.

A name is looked up on scikit-learn's own list (`sklearn.utils.all_estimators`) and among the classes of those packages;
nothing that a client wrote is ever imported. Services do not load scikit-learn: they know an estimator by what the
catalogue's child has described, and check a request by that. The child checks again, by the estimator's own
constraints, before anything is fitted.
"""

from __future__ import annotations

import difflib
import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from common import errors
from common.errors import Flaw
from common.learning import learned, packages, schemas
from common.learning.algorithms.entry import ANOMALY, CLASSIFICATION, CLUSTERING, REGRESSION, TASKS, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, complete, object_schema, pointer

_QUALIFIED = re.compile(r"[a-z]\w*(\.[a-z]\w*)*\.[A-Z]\w{0,80}", re.ASCII)
_MIXINS = {
    CLASSIFICATION: "ClassifierMixin",
    REGRESSION: "RegressorMixin",
    CLUSTERING: "ClusterMixin",
    ANOMALY: "OutlierMixin",
}
REFUSED = {
    "memory": "names a folder that is read and written",
    "n_jobs": "is the platform's to say",
    "warm_start": "has no meaning for a single fit",
}


def qualified(name: str) -> bool:
    """Whether this can be the qualified name of a class."""
    return len(name) <= 200 and _QUALIFIED.fullmatch(name) is not None


def entry(name: str, described: Mapping[str, Any] | None = None) -> AlgorithmEntry | None:
    """The entry of a qualified name; None for what cannot be one. Whether there is such an estimator, `build` says.

    `described` is what the catalogue says of it (`contracts.catalogue.Algorithm`): tasks and hyper-parameters.
    """
    if not qualified(name):
        return None
    known = {task: schemas.hyperparameters(one) for task, one in (described or {}).get("parameters", {}).items()}
    return AlgorithmEntry(
        name=name,
        title=name.rpartition(".")[2],
        description=f"An estimator of {name.partition('.')[0]}, by its qualified name.",
        parameters=known or dict.fromkeys(TASKS, ()),
        build=partial(_build, name),
        learned=_learned,
        dense=True,
        open=True,
    )


def check(known: Sequence[Hyperparameter], given: Mapping[str, Any]) -> list[Flaw]:
    """What is wrong with parameters by what is known of them."""
    refused = [name for name in given if name in REFUSED]
    _, flaws = complete(known, {name: value for name, value in given.items() if name not in refused}, 0)
    return [*(Flaw(pointer(name), "hyperparameter", f"{name} {REFUSED[name]}") for name in refused), *flaws]


def documents(unread: list[str]) -> list[dict[str, Any]]:
    """Every estimator that can be trained by its name, as the catalogue shows it (`contracts.catalogue.Algorithm`).

    Those that are built from other estimators are left out; `unread` is told of modules that cannot be imported.
    """
    from common.learning import constraints

    found: dict[str, dict[str, Any]] = {}
    for task in TASKS:
        for name, each in _known(task, unread).items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of what will be deprecated: it is there still
                    each().get_params(deep=False)
            except Exception:  # noqa: S112 - it cannot be built from nothing, so not by its name either
                continue
            shown = entry(name)
            if shown is None:
                continue
            summary = (inspect.getdoc(each) or "").partition("\n\n")[0].replace("\n", " ")
            schema = object_schema(constraints.hyperparameters(each, REFUSED))
            said = found.setdefault(
                name, {"name": name, "title": shown.title, "description": summary, "tasks": [], "parameters": {}}
            )
            said["tasks"].append(task)
            said["parameters"][task] = schema
    return [found[name] for name in sorted(found)]


def _build(name: str, task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    """The unfitted estimator. Raises `errors.BadData` with the flaws of name and parameters."""
    known = _known(task)
    if name not in known:
        near = tuple(difflib.get_close_matches(name, known, n=5))
        detail = f"{name.partition('.')[0].replace('sklearn', 'scikit-learn')} has no estimator {name!r} for {task}"
        raise errors.BadData(detail, flaws=[Flaw("/algorithm", "unknown_algorithm", detail, near)])
    try:
        taken = known[name]().get_params(deep=False)
    except TypeError as error:
        raise errors.BadData(f"{name} is built from other estimators, which cannot be told here") from error
    flaws = []
    for given in parameters:
        if given in REFUSED:
            flaws.append(Flaw(pointer(given), "hyperparameter", f"{given} {REFUSED[given]}"))
        elif given not in taken:
            near = tuple(difflib.get_close_matches(given, taken))
            detail = f"there is no hyper-parameter {given!r}; there are: {', '.join(taken)}"
            flaws.append(Flaw(pointer(given), "unknown_parameter", detail, near))
    if flaws:
        raise errors.BadData("; ".join(flaw.detail for flaw in flaws), flaws=flaws)
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}
    estimator = known[name](**told, **({"n_jobs": threads} if "n_jobs" in taken else {}))
    try:
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()
    except ValueError as error:  # InvalidParameterError: it names the parameter and what it may be
        raise errors.BadData(str(error)) from error
    return estimator


def _known(task: str, unread: list[str] | None = None) -> dict[str, Any]:
    """The estimators for a task by their public names: scikit-learn's, and those of the packages allowed."""
    from sklearn import base
    from sklearn.utils import all_estimators

    mixin = getattr(base, _MIXINS[task])
    found = {
        f"{each.__module__.partition('._')[0]}.{each.__name__}": each
        for _, each in all_estimators()
        if issubclass(each, mixin)
    }
    for package in packages.allowed():
        for name, each in packages.estimators(package, [] if unread is None else unread).items():
            if issubclass(each, mixin):
                found[name] = each
    return found


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
