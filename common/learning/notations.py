"""Dates and numbers that are not written our way: 31/12/2020, 31.12.2020, 1.234,5, 1,234.5, 1 234,5, 1'234.5, $5, 5 %.

A column of texts is read as them where every cell can be meant in one way only; where it can be in two (03/04/2020, or
1,234 alone) it stays as it is, with a remark that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning import cells
from common.learning.malformed import shown

WRITTEN_OTHERWISE = (ColumnType.datetime, ColumnType.number, ColumnType.integer)
_LOOKED_AT = 20
_UNITS = "%$€£¥₹"
_LIKELY = re.compile(rf"[+-]?[{_UNITS}]? ?[+-]?\d[\dT:.,/' \u00a0\u202f+-]*(Z|UTC|[{_UNITS}])?")
_DATE = r"^(?P<one>[0-9]{1,2})%s(?P<two>[0-9]{1,2})%s[0-9]{4}(?P<time>[ T].*)?$"
_YEAR_FIRST = r"^[0-9]{4}([/.])[0-9]{1,2}[/.][0-9]{1,2}([ T].*)?$"
_SHORT_YEAR = r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}$"
_MARKS = ((".", ","), (",", "."), (" ", ","), (" ", "."), ("'", "."), ("'", ","))


@dataclass(frozen=True)
class Notation:
    """How a column is written: what it holds, and `plain` writes its cells the way that `cells.convert` reads."""

    kind: ColumnType
    plain: Callable[[pa.StringArray], pa.StringArray]
    says: str


def notation(column: pa.ChunkedArray, decimal: str, *, numbers: bool) -> tuple[Notation | None, str | None]:
    """The notation of a column of texts if it has one, or a remark if it could have two; of `numbers` only if asked.

    `decimal` is the decimal mark of the file, in which `plain` writes numbers.
    """
    if not likely(column):
        return None, None
    distinct = pc.unique(column.drop_null())
    found, remark = _dates(distinct)
    if found is None and remark is None and numbers:
        found, remark = _numbers(distinct, decimal)
    return found, remark


def likely(column: pa.ChunkedArray) -> bool:
    """Whether a column may have a notation, by its first texts: a cheap look before all are."""
    first = column.slice(0, 1000).drop_null().slice(0, _LOOKED_AT).to_pylist()
    return bool(first) and all(_LIKELY.fullmatch(text) for text in first)


def notation_for(column: pa.ChunkedArray, kind: ColumnType, decimal: str = ".") -> Notation | None:
    """The notation of a column of texts that somebody says to be of this type."""
    found, _ = notation(column, decimal, numbers=kind is not ColumnType.datetime)
    fits = found is not None and (found.kind is kind or (found.kind, kind) == (ColumnType.integer, ColumnType.number))
    return found if fits else None


def _dates(distinct: pa.StringArray) -> tuple[Notation | None, str | None]:
    example = shown(distinct[0].as_py())
    if _all(distinct, _YEAR_FIRST):
        return _if_it_fits(distinct, _from_year, "dates with the year first")
    for mark in "/.-":
        parts = pc.extract_regex(distinct, _DATE % (re.escape(mark), re.escape(mark)))
        if parts.null_count:
            continue
        one, two = (pc.max(parts.field(at).cast(pa.int64())).as_py() for at in (0, 1))
        day_first = two <= 12 and (one > 12 or mark == ".")  # with points nobody puts the month first
        if not day_first and not (one <= 12 < two):
            if max(one, two) <= 12:
                return None, (
                    f"dates like {example}, of which nothing tells whether day or month comes first; write them as"
                    " 2020-12-31 to have them read as dates"
                )
            return None, None
        order, plain = ("day", _from_day) if day_first else ("month", _from_month)
        return _if_it_fits(distinct, plain, f"dates with the {order} first")
    if _all(distinct, _SHORT_YEAR):
        return None, f"dates like {example}, whose century is not written; write them as 2020-12-31"
    return None, None


def _if_it_fits(
    distinct: pa.StringArray, plain: Callable[[pa.StringArray], pa.StringArray], says: str
) -> tuple[Notation | None, str | None]:
    texts = plain(distinct)
    index = cells.first_unfit(texts, cells.convert(texts, ColumnType.datetime))
    if index is None:
        return Notation(ColumnType.datetime, plain, f"{says}, like {shown(distinct[0].as_py())}"), None
    return None, f"what looks like {says}, but {shown(distinct[index].as_py())} is none"


def _padded(texts: pa.StringArray) -> pa.StringArray:
    """Day, month and hour with two digits each."""
    texts = pc.replace_substring_regex(texts, r"([ T])([0-9]:)", r"\10\2")
    texts = pc.replace_substring_regex(texts, r"^([0-9])([/.-])", r"0\1\2")
    return pc.replace_substring_regex(texts, r"^([0-9]+[/.-])([0-9])([/.-]|$|[ T])", r"\10\2\3")


def _from_day(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(_padded(texts), r"^(..)[/.-](..)[/.-]([0-9]{4})", r"\3-\2-\1")


def _from_month(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(_padded(texts), r"^(..)[/.-](..)[/.-]([0-9]{4})", r"\3-\1-\2")


def _from_year(texts: pa.StringArray) -> pa.StringArray:
    texts = pc.replace_substring_regex(texts, r"([ T])([0-9]:)", r"\10\2")
    texts = pc.replace_substring_regex(texts, r"^([0-9]{4})[/.]([0-9])[/.]", r"\1/0\2/")
    texts = pc.replace_substring_regex(texts, r"^([0-9]{4})[/.]([0-9]{2})[/.]([0-9])($|[ T])", r"\1/\2/0\3\4")
    return pc.replace_substring_regex(texts, r"^(.{4})[/.](..)[/.](..)", r"\1-\2-\3")


def _numbers(distinct: pa.StringArray, decimal: str) -> tuple[Notation | None, str | None]:
    """Numbers with a mark between thousands, or with one and the same unit at every cell; 5% is 5."""
    unit = next((unit for unit in _UNITS if _all(distinct, _with_unit(unit))), None)
    if unit is None:
        return _grouped(distinct, decimal)
    texts = _unit_off(distinct, unit)
    # Thousands of percent are rarer than decimals: 1,234 % is not taken for them.
    found, remark = _grouped(texts, decimal) if unit != "%" else (None, None)
    if found is None and remark is None:
        found = _ungrouped(texts, decimal)
    if found is None:
        return None, remark
    bare = found.plain
    says = f"numbers in {unit}, like {shown(distinct[0].as_py())}"
    return Notation(found.kind, lambda texts: bare(_unit_off(texts, unit)), says), None


def _with_unit(unit: str) -> str:
    return rf"^([+-]?{re.escape(unit)} ?[+-]?[0-9][^{_UNITS}]*|[+-]?[0-9][^{_UNITS}]*{re.escape(unit)})$"


def _unit_off(texts: pa.StringArray, unit: str) -> pa.StringArray:
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, rf"{re.escape(unit)} ?", ""))


def _ungrouped(texts: pa.StringArray, decimal: str) -> Notation | None:
    """Numbers without a mark between thousands; with another decimal mark than the file's only where it can be none."""
    for point in (decimal, "," if decimal == "." else "."):
        kind = ColumnType.number if _any(texts, re.escape(point)) else ColumnType.integer
        plain = _without("", point, decimal)
        sure = point == decimal or _any(texts, rf"{re.escape(point)}([0-9]{{1,2}}|[0-9]{{4,}})$")
        if sure and cells.fits(texts, cells.convert(plain(texts), kind, decimal)):
            return Notation(kind, plain, "")
    return None


def _grouped(distinct: pa.StringArray, decimal: str) -> tuple[Notation | None, str | None]:
    texts = pc.replace_substring_regex(distinct, "[\u00a0\u202f]", " ")
    for between, point in _MARKS:
        grouped = rf"[+-]?[0-9]{{1,3}}({re.escape(between)}[0-9]{{3}})+"
        tail = rf"({re.escape(point)}[0-9]+)?"
        if not _all(texts, rf"^({grouped}|[+-]?[0-9]+){tail}$"):
            continue
        if not _any(texts, rf"^{grouped}{tail}$"):
            continue
        twice = rf"^[+-]?[0-9]{{1,3}}({re.escape(between)}[0-9]{{3}}){{2}}"
        both = rf"^{grouped}{re.escape(point)}"
        decimals = rf"^[+-]?[0-9]+{re.escape(point)}([0-9]{{1,2}}|[0-9]{{4,}})$"
        # Where the file has a decimal mark that it uses, the other one is none.
        sure = between in " '" or point == decimal or any(_any(texts, form) for form in (twice, both, decimals))
        if not sure:
            example = shown(distinct[0].as_py())
            return None, (
                f"numbers like {example}, of which nothing tells whether {between} is the decimal mark; tell it if it"
                " is, else write them without it"
            )
        kind = ColumnType.number if _any(texts, re.escape(point)) else ColumnType.integer
        plain = _without(between, point, decimal)
        says = f"numbers with {_named(between)} between thousands, like {shown(distinct[0].as_py())}"
        if cells.fits(texts, cells.convert(plain(texts), kind, decimal)):
            return Notation(kind, plain, says), None
    return None, None


def _without(between: str, point: str, decimal: str) -> Callable[[pa.StringArray], pa.StringArray]:
    def plain(texts: pa.StringArray) -> pa.StringArray:
        texts = pc.replace_substring_regex(texts, "[\u00a0\u202f]", " ")
        if between:
            texts = pc.replace_substring(texts, between, "")
        return pc.replace_substring(texts, point, decimal)

    return plain


def _named(mark: str) -> str:
    return "blanks" if mark == " " else mark


def _all(texts: pa.StringArray, form: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, form)).as_py())


def _any(texts: pa.StringArray, form: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, form)).as_py())
