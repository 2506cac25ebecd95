"""Conditions and sorted pages in SQLite's SQL. Values from outside are always bound, never text of a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from common import errors
from common.filtering.conditions import And, Comparison, Condition, In, Not, Operator, Or, Scalar
from common.filtering.sorting import Place, SortKey


@dataclass(frozen=True)
class Term:
    """How SQL names a value: an expression, and for a value inside a JSON column that column and its JSON path."""

    sql: str
    column: str = ""
    path: str = ""


@dataclass(frozen=True)
class Fragment:
    """A piece of SQL with its bindings, in order."""

    sql: str
    bindings: tuple[Any, ...] = ()


Naming: TypeAlias = Callable[[str], Term]
"""Finds the term of a path; raises `errors.BadFilter` for a path that cannot be asked for."""


def compiled(condition: Condition, naming: Naming) -> Fragment:
    """The condition as a boolean expression. It may be NULL for false; `Not` takes care of that."""
    match condition:
        case Comparison(path, sign, value):
            return _comparison(naming(path), sign, value)
        case In(path, values):
            term = naming(path)
            return _joined(" OR ", "0", [_equal(term, value) for value in values])
        case And(parts):
            return _joined(" AND ", "1", [compiled(part, naming) for part in parts])
        case Or(parts):
            return _joined(" OR ", "0", [compiled(part, naming) for part in parts])
        case Not(part):
            return _negated(compiled(part, naming))


def _joined(word: str, empty: str, parts: Sequence[Fragment]) -> Fragment:
    if not parts:
        return Fragment(empty)
    bindings = tuple(value for part in parts for value in part.bindings)
    return Fragment("(" + word.join(part.sql for part in parts) + ")", bindings)


def _negated(part: Fragment) -> Fragment:
    return Fragment(f"({part.sql} IS NOT TRUE)", part.bindings)


def _comparison(term: Term, sign: Operator, value: Scalar) -> Fragment:
    match sign:
        case "=":
            return _equal(term, value)
        case "!=":
            return _negated(_equal(term, value))
        case "~":
            return _contains(term, value)
        case "has":
            return _has(term, value)
        case _:
            return _ordered(term, sign, value)


def _equal(term: Term, value: Scalar) -> Fragment:
    if value is None:
        return Fragment(f"({term.sql} IS NULL)")
    if term.column and value in (0, 1):  # json_extract shows true and false as 1 and 0
        kinds = _kinds(value)
        return Fragment(f"({term.sql} = ? AND json_type({term.column}, '{term.path}') IN {kinds})", (_bindable(value),))
    return Fragment(f"({term.sql} = ?)", (_bindable(value),))


def _ordered(term: Term, sign: Operator, value: Scalar) -> Fragment:
    """SQLite orders all numbers before all text: the second bound keeps to the type of `value`."""
    if value is None:
        return Fragment("0")
    guard = f"{term.sql} >= ''" if isinstance(value, str) else f"{term.sql} < ''"
    return Fragment(f"({term.sql} {sign} ? AND {guard})", (_bindable(value),))


def _contains(term: Term, value: Scalar) -> Fragment:
    if not isinstance(value, str):
        return Fragment("0")
    if not value.isascii():
        return Fragment(f"contains_text({term.sql}, ?)", (value,))
    pattern = value.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return Fragment(f"(typeof({term.sql}) = 'text' AND {term.sql} LIKE ? ESCAPE '\\')", (f"%{pattern}%",))


def _has(term: Term, value: Scalar) -> Fragment:
    if not term.column or value is None:
        return Fragment("0")
    items = f"json_each({term.column}, '{term.path}') AS item"
    return Fragment(
        f"(json_type({term.column}, '{term.path}') = 'array' AND"
        f" EXISTS (SELECT 1 FROM {items} WHERE item.value = ? AND item.type IN {_kinds(value)}))",
        (_bindable(value),),
    )


def _kinds(value: Scalar) -> str:
    match value:
        case bool():
            return "('true', 'false')"
        case int() | float():
            return "('integer', 'real')"
        case _:
            return "('text')"


def _bindable(value: Scalar) -> Scalar:
    """What SQLite can hold: beyond 64 bits a whole number compares as a real one."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


@dataclass(frozen=True)
class _Key:
    sql: str
    direction: str
    beyond: str

    @classmethod
    def of(cls, sql: str, *, descending: bool) -> _Key:
        return cls(sql, "DESC", "<") if descending else cls(sql, "ASC", ">")


@dataclass(frozen=True)
class Segment:
    """A stretch of a sorted list that one index scan can give: what holds there, and its order.

    `loose`: its bound only says that the value is there, so that a bound of the filter is the better start.
    """

    where: Fragment
    order: str
    loose: bool = False

    def within(self, condition: Fragment) -> Fragment:
        """What holds in this stretch of a filtered list. Of two bounds SQLite begins its scan at the first."""
        first, second = (condition, self.where) if self.loose else (self.where, condition)
        return Fragment(f"{first.sql} AND {second.sql}", (*first.bindings, *second.bindings))


def segments(sort: Sequence[SortKey], after: Place | None, naming: Naming, identifier: str = "id") -> Iterator[Segment]:
    """The list behind `after` as stretches to read one after the other.

    Missing values last would need `ORDER BY x IS NULL, x`, which no index gives. Where `x` is there, and where it is
    missing, are two stretches that an index on `(x, id)` gives each in order. The same goes for each key behind equal
    ones, which also replaces the one long OR of keyset paging, for which SQLite finds no index.
    """
    keys = [_Key.of(naming(key.path).sql, descending=key.descending) for key in sort]
    last = _Key.of(identifier, descending=bool(sort) and sort[-1].descending)
    if after is None:
        yield from _stretches(keys, last, Fragment("1"), None)
        return
    *values, item = after
    if len(values) != len(keys):
        raise errors.BadFilter("the cursor belongs to another order; start again without it")
    same = [_at(key, value) for key, value in zip(keys, values, strict=True)]
    beyond = Fragment(f"{identifier} {last.beyond} ?", (item,))
    yield Segment(_joined(" AND ", "1", [*same, beyond]), f"{identifier} {last.direction}")
    for index in reversed(range(len(keys))):
        if values[index] is not None:
            yield from _stretches(keys[index:], last, _joined(" AND ", "1", same[:index]), values[index])


def _stretches(keys: Sequence[_Key], last: _Key, before: Fragment, value: Scalar) -> Iterator[Segment]:
    if not keys:
        yield Segment(before, f"{last.sql} {last.direction}")
        return
    # Every number and text is at least minus infinity: unlike IS NOT NULL, a bound at which an index scan can begin.
    key, *rest = keys
    order = ", ".join([*(f"({k.sql} IS NULL), {k.sql} {k.direction}" for k in rest), f"{last.sql} {last.direction}"])
    there = Fragment(f"{key.sql} >= -9e999")
    if value is not None:
        there = Fragment(f"{key.sql} {key.beyond} ?", (_bindable(value),))
    yield Segment(_joined(" AND ", "1", [before, there]), f"{key.sql} {key.direction}, {order}", loose=value is None)
    yield Segment(_joined(" AND ", "1", [before, Fragment(f"{key.sql} IS NULL")]), order)


def _at(key: _Key, value: Scalar) -> Fragment:
    return Fragment(f"{key.sql} IS NULL") if value is None else Fragment(f"{key.sql} = ?", (_bindable(value),))


def page_statement(table: str, columns: str, condition: Fragment, stretch: Segment, limit: int) -> Fragment:
    """The query for at most `limit` rows of one stretch of a sorted list."""
    where = stretch.within(condition)
    sql = f"SELECT {columns} FROM {table} WHERE {where.sql} ORDER BY {stretch.order} LIMIT ?"
    return Fragment(sql, (*where.bindings, limit))
