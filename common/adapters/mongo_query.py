"""Conditions and sorted pages as MongoDB's queries. Lists are wrapped (`mongo_document`): a path means one value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import errors
from common.adapters.mongo_document import LIST, Document, place
from common.filtering.conditions import And, Comparison, Condition, In, Not, Or, Scalar
from common.filtering.sorting import Place, SortKey

NEVER: Document = {"_id": {"$in": []}}
_PATTERN_LIMIT = 32_000
"""Characters of a regular expression that MongoDB takes."""
_ORDER = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def compiled(condition: Condition) -> Document:
    """The condition as a filter; `{}` for one that always holds."""
    match condition:
        case Comparison():
            return _comparison(condition)
        case In(path, values):
            return {place(path): {"$in": [_bounded(value) for value in values]}} if values else NEVER
        case And(parts):
            return joined(*(compiled(part) for part in parts))
        case Or(parts):
            return {"$or": [compiled(part) for part in parts]} if parts else NEVER
        case Not(part):
            return {"$nor": [compiled(part)]}


def joined(*parts: Document) -> Document:
    """What holds when all of these do."""
    told = [part for part in parts if part]
    return {"$and": told} if len(told) > 1 else told[0] if told else {}


def _comparison(condition: Comparison) -> Document:
    path, value = place(condition.path), _bounded(condition.value)
    match condition.operator:
        case "=":
            return {path: {"$eq": value}}
        case "!=":
            return {path: {"$ne": value}}
        case "has":
            return NEVER if value is None else {f"{path}.{LIST}": {"$eq": value}}
        case "~":
            if not isinstance(value, str):
                return NEVER
            return joined({path: {"$type": "string"}}, {path: {"$regex": _pattern(value)}})
        case sign:  # compares within one type only
            return NEVER if value is None else {path: {_ORDER[sign]: value}}


def _pattern(text: str) -> str:
    """A regular expression for a text that contains this one, case ignored.

    The engines' own option for that is one of ASCII in some of them; both cases of each letter are the same in all.
    """
    pattern = "".join(_either(character) for character in text.lower())
    if len(pattern) > _PATTERN_LIMIT:
        raise errors.BadFilter(f"a text of {len(text)} characters is too long to look for; shorten it")
    return pattern


def _either(character: str) -> str:
    upper = character.upper()
    both = [character, upper] if len(upper) == 1 and upper != character else [character]
    return "[" + "".join(one if one.isalnum() and one.isascii() else rf"\x{{{ord(one):x}}}" for one in both) + "]"


def _bounded(value: Scalar) -> Scalar:
    """What BSON can hold: beyond 64 bits a whole number compares as a real one."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


@dataclass(frozen=True)
class Stretch:
    """A part of a sorted list that one query gives: what holds there, and its order.

    `missing` has, by name, the paths for which the order asks whether a value is missing.
    """

    where: Document
    order: dict[str, int]
    missing: dict[str, str] = field(default_factory=dict)

    def pipeline(self, where: Document, limit: int, projection: Document) -> list[Document]:
        """The aggregation for an order that no index gives."""
        asked = {
            name: {"$cond": [{"$eq": [{"$ifNull": [f"${path}", None]}, None]}, 1, 0]}
            for name, path in self.missing.items()
        }
        return [
            {"$match": where},
            {"$addFields": asked},
            {"$sort": self.order},
            {"$limit": limit},
            {"$project": {**projection, **dict.fromkeys(asked, 0)}},
        ]


def stretches(sort: Sequence[SortKey], after: Place | None) -> Iterator[Stretch]:
    """The list behind `after` as stretches to read one after the other.

    MongoDB sorts missing values before all others. Where the first key is there, and where it is missing, are two
    stretches that an index on it and the id gives each in order. The same goes for each key behind equal ones.
    """
    keys = [(place(key.path), -1 if key.descending else 1) for key in sort]
    last = ("_id", keys[-1][1] if keys else 1)
    if after is None:
        yield from _stretches(keys, last, {}, None)
        return
    *values, item = after
    if len(values) != len(keys):
        raise errors.BadFilter("the cursor belongs to another order; start again without it")
    same = [{path: {"$eq": _bounded(value)}} for (path, _), value in zip(keys, values, strict=True)]
    yield Stretch(joined(*same, {"_id": {_beyond(last[1]): item}}), dict([last]))
    for index in reversed(range(len(keys))):
        if values[index] is not None:
            yield from _stretches(keys[index:], last, joined(*same[:index]), _bounded(values[index]))


def _stretches(
    keys: Sequence[tuple[str, int]], last: tuple[str, int], before: Document, value: Scalar
) -> Iterator[Stretch]:
    if not keys:
        yield Stretch(before, dict([last]))
        return
    (path, direction), *rest = keys
    order, missing = _order(rest, last)
    there: dict[str, Any] = {"$ne": None} if value is None else {_beyond(direction): value}
    yield Stretch(
        joined(before, {path: there}), {path: direction, **{p: d for p, d in order.items() if p != path}}, missing
    )
    yield Stretch(joined(before, {path: {"$eq": None}}), order, missing)


def _order(keys: Sequence[tuple[str, int]], last: tuple[str, int]) -> tuple[dict[str, int], dict[str, str]]:
    """By these keys and then the id, missing values last: in descending order they are, in ascending one is asked."""
    order: dict[str, int] = {}
    missing: dict[str, str] = {}
    for path, direction in keys:
        if direction > 0 and path not in ("_id", "version"):
            missing[f"missing_{len(missing)}"] = path
            order[f"missing_{len(missing) - 1}"] = 1
        order[path] = direction
    order.setdefault(*last)
    return order, missing


def _beyond(direction: int) -> str:
    return "$gt" if direction > 0 else "$lt"
