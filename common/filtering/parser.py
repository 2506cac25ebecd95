"""The filter language: `state = succeeded and (measures.f1 >= 0.9 or not tags in (draft, old))`.

Operators `= != < <= > >= ~ in`, joined by `and or not ( )`, where `not` binds tightest and `or` least. `~`: contains,
case ignored. Words may stand without quotes; `'…'` and `"…"` hold anything, with `\\` before a quote or a backslash.
`null` is a missing value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from common import ids, times
from common.filtering.conditions import And, Comparison, Condition, In, Not, Operator, Or, Scalar
from common.filtering.fields import Fields, Kind, bad, found_field
from common.filtering.grammar import Token, Tree, place_of, syntax_tree

LENGTH_LIMIT = 4_000
"""Characters of a filter."""
PARTS_LIMIT = 100
"""Comparisons, negations and brackets in a filter: bounds the depth of what walks the tree."""
_PARTS = frozenset(("negation", "comparison", "membership", "group"))

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse(text: str, fields: Fields | None = None) -> Condition:
    """The condition that a filter means.

    With `fields` only those can be asked for, each with the operators and values of its kind, and the condition speaks
    of stored paths. Without, any path goes, as it is written, and values are what they look like.
    Raises `errors.BadFilter` with the place (characters from 1) of what is wrong.
    """
    if len(text) > LENGTH_LIMIT:
        raise bad("filter", "too_long", f"{len(text)} characters are too long; at most {LENGTH_LIMIT} are read")
    tree = syntax_tree(text)
    if sum(node.data in _PARTS for node in tree.iter_subtrees()) > PARTS_LIMIT:
        raise bad("filter", "too_long", f"at most {PARTS_LIMIT} comparisons, negations and brackets go into one")
    return _condition(tree, fields)


def _condition(tree: Tree[Token], fields: Fields | None) -> Condition:
    match tree.data, tree.children:
        case "negation", [_, part]:
            return Not(_condition(_tree(part), fields))
        case "comparison", [Token() as name, Token() as sign, value]:
            return _compare(_Target.of(name, fields), cast(Operator, str(sign)), _literal(_tree(value)))
        case "membership", [Token() as name, *values]:
            return _member(_Target.of(name, fields), [_literal(_tree(value)) for value in values])
        case kind, parts:
            inner = tuple(_condition(_tree(part), fields) for part in parts)
            if len(inner) == 1:
                return inner[0]
            return Or(inner) if kind == "any" else And(inner)


def _tree(node: Tree[Token] | Token) -> Tree[Token]:
    if isinstance(node, Token):
        raise TypeError(f"the grammar gave {node!r} where a rule belongs")
    return node


@dataclass(frozen=True)
class _Literal:
    """A value as it was written, and where."""

    text: str
    quoted: bool
    place: str

    @property
    def missing(self) -> bool:
        return not self.quoted and self.text.lower() == "null"

    def number(self) -> int | float | None:
        if self.quoted or not _NUMBER.fullmatch(self.text):
            return None
        value = float(self.text)
        exact = int(self.text) if re.fullmatch(r"[+-]?\d+", self.text) else value
        return exact if math.isfinite(value) else None

    def boolean(self) -> bool | None:
        return None if self.quoted else {"true": True, "false": False}.get(self.text.lower())

    def guess(self) -> Scalar:
        for value in (self.number(), self.boolean()):
            if value is not None:
                return value
        return self.text


@dataclass(frozen=True)
class _Target:
    """A field as it was written, and what is known of it."""

    name: str
    path: str
    kind: Kind | None
    place: str

    @classmethod
    def of(cls, name: Token, fields: Fields | None) -> _Target:
        place = place_of(name.start_pos or 0)
        if fields is None:
            return cls(str(name), str(name), None, place)
        field = found_field(fields, str(name), "filter", place)
        return cls(str(name), field.path, field.kind, place)

    def scalar(self, literal: _Literal) -> Scalar:
        """The literal as a value of this field's kind."""
        if literal.missing:
            return None
        value: Scalar
        match self.kind:
            case None:
                value = literal.guess()
            case "number":
                value = literal.number()
            case "boolean":
                value = literal.boolean()
            case "time":
                value = _moment(literal.text)
            case _:
                value = literal.text
        if value is None:
            raise bad(
                "filter",
                "bad_value",
                f"{self.name!r} is a {self.kind}; {literal.text!r}{literal.place} is not",
            )
        return value


def _literal(tree: Tree[Token]) -> _Literal:
    token = tree.children[0]
    text, quoted = str(token), isinstance(token, Token) and token.type == "QUOTED"
    if quoted:
        text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return _Literal(text, quoted, place_of((token.start_pos or 0) if isinstance(token, Token) else 0))


_SIGNS: dict[Kind | None, str] = {
    "text": "= != < <= > >= ~ in",
    "number": "= != < <= > >= in",
    "time": "= != < <= > >=",
    "boolean": "= !=",
    "list": "= != in",
    "id": "= != in",
    None: "= != < <= > >= ~ in",
}


def _check_sign(target: _Target, sign: str) -> None:
    if sign not in _SIGNS[target.kind].split():
        detail = f"{target.name!r}{target.place} is a {target.kind}, which takes {_SIGNS[target.kind]}, not {sign}"
        raise bad("filter", "bad_operator", detail)


def _compare(target: _Target, sign: Operator, literal: _Literal) -> Condition:
    _check_sign(target, sign)
    if literal.missing and sign not in ("=", "!="):
        raise bad("filter", "bad_value", f"null{literal.place} goes with = and != only")
    if sign == "!=":
        return Not(_equal(target, literal))
    if sign == "=":
        return _equal(target, literal)
    if sign == "~":
        return Comparison(target.path, sign, literal.text)
    return Comparison(target.path, sign, target.scalar(literal))


def _equal(target: _Target, literal: _Literal) -> Condition:
    value = target.scalar(literal)
    if target.kind == "id" and isinstance(value, str):
        return _identified(target, value, literal.place)
    if target.kind == "list" and value is not None:
        return Comparison(target.path, "has", value)
    if target.kind == "time" and isinstance(value, str) and _DAY.fullmatch(literal.text):
        next_day = times.later(value, 86_400)  # a date alone means the whole day, in UTC
        return And((Comparison(target.path, ">=", value), Comparison(target.path, "<", next_day)))
    return Comparison(target.path, "=", value)


def _identified(target: _Target, value: str, place: str) -> Condition:
    if ids.FULL.fullmatch(value):
        return Comparison(target.path, "=", value)
    if ids.REFERENCE.fullmatch(value):
        return Comparison(target.path, "~", value.rpartition("_")[2])
    detail = (
        f"{target.name!r} is compared with an id, or at least six of its last characters; {value!r}{place} is neither"
    )
    raise bad("filter", "bad_value", detail)


def _member(target: _Target, literals: Sequence[_Literal]) -> Condition:
    _check_sign(target, "in")
    if target.kind == "id":
        return Or(tuple(_equal(target, literal) for literal in literals))
    values = tuple(target.scalar(literal) for literal in literals)
    if target.kind == "list":
        return Or(tuple(Comparison(target.path, "=" if value is None else "has", value) for value in values))
    return In(target.path, values)


def _moment(text: str) -> str | None:
    try:
        return times.text(times.moment(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text))
    except (ValueError, OverflowError):
        return None
