"""What scikit-learn says an estimator's parameters may be (`_parameter_constraints`), as typed hyper-parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils import _param_validation as said

from common.learning.hyperparameters import (
    INTEGER_LIMIT,
    SEED_LIMIT,
    Boolean,
    Hyperparameter,
    Integer,
    Kind,
    Nothing,
    Number,
    Option,
)
from common.learning.schemas import INTEGER_LEAST, Anything, Choice, List, Object, Text

_WORDS: Mapping[str, tuple[Kind, ...]] = {
    "boolean": (Boolean(),),
    "array-like": (List(),),
    "random_state": (Integer(0, SEED_LIMIT), Nothing()),
    "verbose": (Integer(0), Boolean()),
    "no_validation": (Anything(),),
    "cv_object": (Integer(2), Nothing()),
}
_TYPES: Mapping[Any, Kind] = {
    bool: Boolean(),
    str: Text(),
    list: List(),
    tuple: List(),
    dict: Object(),
    Integral: Integer(INTEGER_LEAST),
    Real: Number(),
}


def hyperparameters(estimator: Any, without: Iterable[str]) -> tuple[Hyperparameter, ...]:
    """The parameters of an estimator's class that JSON can tell, in the order of its signature.

    Left out are those in `without`, and those that take nothing but functions or other estimators. A class that says
    nothing of a parameter takes anything for it.
    """
    constraints = getattr(estimator, "_parameter_constraints", None) or {}
    found = []
    for name, parameter in inspect.signature(estimator.__init__).parameters.items():
        if name in without or name == "self" or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        kinds = tuple(_kinds(constraints.get(name, "no_validation")))
        if kinds:
            found.append(Hyperparameter(name, kinds, _plain(parameter.default), ""))
    return tuple(found)


def _kinds(constraints: Any) -> list[Kind]:
    if isinstance(constraints, str):
        return list(_WORDS.get(constraints, (Anything(),)))
    found: dict[Kind, None] = {}
    for one in constraints:
        found.update(dict.fromkeys(_kind(one)))
    return list(found)


def _kind(constraint: Any) -> tuple[Kind, ...]:
    if constraint is None:
        return (Nothing(),)
    if isinstance(constraint, str):
        return _WORDS.get(constraint, ())
    if isinstance(constraint, said.Interval):
        return (_interval(constraint),)
    if isinstance(constraint, said.StrOptions):
        return (Option(tuple(sorted(constraint.options - constraint.deprecated))),)
    if isinstance(constraint, said.Options):
        numbers = tuple(
            sorted(one for one in constraint.options if isinstance(one, int | float) and math.isfinite(one))
        )
        return (Choice(numbers),) if numbers else ()
    kind = _TYPES.get(constraint) if isinstance(constraint, type) else None
    return () if kind is None else (kind,)


def _interval(told: Any) -> Kind:
    left_in, right_in = told.closed in ("left", "both"), told.closed in ("right", "both")
    left, right = (None if end is None or math.isinf(end) else end for end in (told.left, told.right))
    if told.type is Integral:
        least = INTEGER_LEAST if left is None else math.ceil(left) + (0 if left_in or left != int(left) else 1)
        most = INTEGER_LIMIT if right is None else math.floor(right) - (0 if right_in or right != int(right) else 1)
        return Integer(int(least), int(most))
    return Number(
        least=left if left_in else None,
        most=right if right_in else None,
        above=None if left_in else left,
        below=None if right_in else right,
    )


def _plain(value: Any) -> Any:
    """A default that JSON can tell; null for others."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else None
