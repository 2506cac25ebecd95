"""What a filter means, once parsed: a tree of conditions over dotted paths, the same for every store.

Two-valued logic: a comparison with a missing (absent or null) value is false, and `!=` is the negation of `=`, so it is
true for a missing value. Values of different types are never equal and have no order. Text is compared by code point.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "has"]


@dataclass(frozen=True)
class Comparison:
    """One value against a constant. `~`: text contains, case ignored. `has`: the list at `path` contains the value.

    With the value None only `=` (is missing) and `!=` (is there) have a meaning.
    """

    path: str
    operator: Operator
    value: Scalar


@dataclass(frozen=True)
class In:
    """The value at `path` equals one of `values`."""

    path: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class And:
    """All parts hold; true without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """Some part holds; false without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = Comparison | In | And | Or | Not

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = document
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def both(first: Condition | None, second: Condition | None) -> Condition | None:
    """The condition that both hold, where None means no condition."""
    if first is None or second is None:
        return first if second is None else second
    return And((first, second))


def holds(condition: Condition, document: Mapping[str, Any]) -> bool:
    """Whether the document fulfils the condition."""
    match condition:
        case Comparison(path, sign, value):
            return _compare(value_at(document, path), sign, value)
        case In(path, values):
            found = value_at(document, path)
            return any(_equal(found, value) for value in values)
        case And(parts):
            return all(holds(part, document) for part in parts)
        case Or(parts):
            return any(holds(part, document) for part in parts)
        case Not(part):
            return not holds(part, document)


def _compare(found: Any, sign: Operator, value: Scalar) -> bool:
    match sign:
        case "=":
            return _equal(found, value)
        case "!=":
            return not _equal(found, value)
        case "has":
            return isinstance(found, list | tuple) and any(_equal(item, value) for item in found)
        case "~":
            return isinstance(found, str) and isinstance(value, str) and value.lower() in found.lower()
        case _:
            return _kind(found) == _kind(value) != "nothing" and _ORDER[sign](found, value)


def _equal(found: Any, value: Scalar) -> bool:
    return _kind(found) == _kind(value) and bool(found == value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return "structure"
