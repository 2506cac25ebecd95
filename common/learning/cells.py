"""Cells of text and what they mean: blanks off, words for "missing" to null, texts to values of a column type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.number: pa.float64(),
    ColumnType.integer: pa.int64(),
    ColumnType.category: pa.string(),
    ColumnType.boolean: pa.bool_(),
    ColumnType.datetime: pa.timestamp("ms", "UTC"),
    ColumnType.text: pa.string(),
}
"""How the values of each column type are stored."""

TRUE_WORDS = pa.array(["true", "yes"])
FALSE_WORDS = pa.array(["false", "no"])

_INTEGER = r"^[+-]?[0-9]+$"
_LEADING_ZERO = r"^[+-]?0[0-9]+$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_INFINITE = r"^[+-]?(?i:inf|infinity)$"
_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))?)?$"
)
_PLAIN_LENGTHS = frozenset({10, 16, 19, 23})
"""Of 2021-01-31, 2021-01-31 10:00, 2021-01-31T10:00:00 and 2021-01-31 10:00:00.123."""
_YEAR_ONE = -62_135_596_800_000
"""The first moment of year 1, in milliseconds since 1970."""
_INT64 = 2.0**63
_COULD_BE = {
    ColumnType.number: re.compile(rf"({_NUMBER})|({_INFINITE})"),
    ColumnType.datetime: re.compile(_MOMENT),
}
_BOOLEANS = frozenset([*TRUE_WORDS.to_pylist(), *FALSE_WORDS.to_pylist()])


def clean(cells: pa.StringArray) -> pa.StringArray:
    """Cells without the blanks around them; empty ones are null."""
    stripped = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, pa.string()), stripped)


def without_words(cells: pa.StringArray, words: pa.StringArray) -> tuple[pa.StringArray, dict[str, int]]:
    """Cells with the words for "missing" made null, and how often each word was there."""
    found = pc.is_in(cells, value_set=words)
    if not pc.any(found).as_py():
        return cells, {}
    counted = pc.value_counts(cells.filter(found)).to_pylist()
    return (
        pc.if_else(found, pa.scalar(None, pa.string()), cells),
        {item["values"]: item["counts"] for item in counted},
    )


def convert(cells: pa.StringArray, kind: ColumnType, decimal: str = ".") -> pa.Array:
    """Values of the type that the column type is stored as; null where a cell has no such value.

    Numbers are written as in JSON, besides that a plus, leading zeros, and no digit on one side of the point are
    allowed, and that the mark may be a comma. What no 64-bit integer or finite 64-bit number can hold is no value.
    Moments are ISO 8601 dates or times; without an offset they are UTC; finer than a millisecond is cut off.
    """
    return _CONVERTERS[kind](cells, decimal)


def fits(cells: pa.StringArray, values: pa.Array) -> bool:
    """Whether each cell that is not missing has a value."""
    return bool(cells.null_count == values.null_count)


def first_unfit(cells: pa.StringArray, values: pa.Array) -> int | None:
    """The index of the first cell that has no value though it is not missing."""
    position = pc.index(pc.and_(pc.is_valid(cells), pc.is_null(values)), True).as_py()
    return None if position < 0 else int(position)


def could_be(text: str, kind: ColumnType, decimal: str = ".") -> bool:
    """Whether one cell, without blanks around it, may have a value of a type; a cheap look before all are converted."""
    if kind is ColumnType.boolean:
        return text.lower() in _BOOLEANS
    form = _COULD_BE.get(kind)
    return form is None or form.fullmatch(text.replace(decimal, ".")) is not None


def out_of_range(cells: pa.StringArray, decimal: str = ".") -> int | None:
    """The index of the first cell that is written as a number but is none that 64 bits hold: `inf`, 1e400, 10**22."""
    points = _points(cells, decimal)
    digits = pc.match_substring_regex(points, _INTEGER)
    wide = pc.and_(digits, pc.is_null(_integers(points, ".")))
    numeric = pc.match_substring_regex(points, _NUMBER)
    infinite = pc.and_(numeric, pc.is_null(_numbers(points, ".")))
    named = pc.match_substring_regex(points, _INFINITE)
    position = pc.index(pc.or_(pc.or_(wide, infinite), named), True).as_py()
    return None if position < 0 else int(position)


def is_written_as_number(cells: pa.StringArray, decimal: str = ".") -> pa.BooleanArray:
    """For each cell whether it is written as a number, also one that 64 bits do not hold; null where missing."""
    points = _points(cells, decimal)
    return pc.or_(pc.match_substring_regex(points, _NUMBER), pc.match_substring_regex(points, _INFINITE))


def all_digits(cells: pa.StringArray) -> bool:
    """Whether every cell that is not missing is written as an integer, of whatever size."""
    return bool(pc.all(pc.match_substring_regex(cells, _INTEGER)).as_py())


def leading_zero(cells: pa.StringArray) -> bool:
    """Whether a cell is digits that begin with a zero that a number would lose: 007, but not 0 or 0.7."""
    begins = (pc.any(pc.starts_with(cells, start)).as_py() for start in ("0", "-0", "+0"))  # cheaper than the form
    return any(begins) and bool(pc.any(pc.match_substring_regex(cells, _LEADING_ZERO)).as_py())


def negative_zero(cells: pa.StringArray) -> bool:
    """Whether a cell begins like a zero with a minus."""
    return bool(pc.any(pc.starts_with(cells, "-0")).as_py())


def plain_numbers(cells: pa.StringArray) -> pa.DoubleArray | None:
    """The values of cells if all are finite numbers as they stand, without blanks or words; else None. Fast."""
    try:
        values = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    return values if pc.all(pc.is_finite(values), min_count=0).as_py() else None


def none_is_number(words: pa.StringArray) -> bool:
    """Whether no word could be taken for a number."""
    return all(plain_numbers(pa.array([word], pa.string())) is None for word in words.to_pylist())


def might_lie_outside(values: pa.Array) -> bool:
    """Whether a number is so large that it may have been written as an integer beyond 64 bits. Cheap."""
    bounds = pc.min_max(values).as_py()
    return bounds["min"] is not None and (bounds["min"] < -_INT64 or bounds["max"] >= _INT64)


def _points(cells: pa.StringArray, decimal: str) -> pa.StringArray:
    if decimal == ".":
        return cells
    # A point is no decimal mark then: 1.234 would be a thousand and more, or a typing error.
    plain = pc.if_else(pc.match_substring(cells, "."), "no number", cells)
    plain = pc.if_else(pc.is_null(cells), pa.scalar(None, pa.string()), plain)
    return pc.replace_substring(plain, decimal, ".")


def _cast(cells: pa.StringArray, to: pa.DataType, form: str) -> pa.Array:
    """All at once if all can be; else only those of the form, one by one where even that is out of range."""
    try:
        return pc.cast(cells, to)
    except pa.ArrowInvalid:
        matching = pc.if_else(pc.match_substring_regex(cells, form), cells, pa.scalar(None, pa.string()))
    try:
        return pc.cast(matching, to)
    except pa.ArrowInvalid:
        return pa.array([_single(cell, to) for cell in matching], to)


def _single(cell: pa.Scalar, to: pa.DataType) -> object:
    try:
        return cell.cast(to).as_py()
    except pa.ArrowInvalid:
        return None


def _integers(cells: pa.StringArray, decimal: str) -> pa.Array:
    return integers(cells, None)


def integers(cells: pa.StringArray, numbers: pa.DoubleArray | None) -> pa.Array:
    """As `convert`; faster where it is known that all cells are numbers, and which ones."""
    try:
        values = pc.cast(cells, pa.int64())
        if numbers is None:
            pc.cast(cells, pa.float64())  # which refuses 0x1F, unlike the other
    except pa.ArrowInvalid:
        formed = pc.if_else(pc.match_substring_regex(cells, _INTEGER), cells, pa.scalar(None, pa.string()))
        return _cast(pc.utf8_ltrim(formed, characters="+"), pa.int64(), _INTEGER)
    return values


def _numbers(cells: pa.StringArray, decimal: str) -> pa.Array:
    values = _cast(_points(cells, decimal), pa.float64(), _NUMBER)
    finite = pc.is_finite(values)
    if pc.all(finite, min_count=0).as_py():
        return values
    return pc.if_else(finite, values, pa.scalar(None, pa.float64()))


def _booleans(cells: pa.StringArray, decimal: str) -> pa.Array:
    lower = pc.utf8_lower(cells)
    true, false = pc.is_in(lower, value_set=TRUE_WORDS), pc.is_in(lower, value_set=FALSE_WORDS)
    return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))


def _plain_moments(cells: pa.StringArray) -> pa.Array | None:
    """The values of cells that are all written in the most usual forms, without an offset; else None. Fast."""
    lengths = pc.unique(pc.binary_length(cells).drop_null()).to_pylist()
    if not _PLAIN_LENGTHS.issuperset(lengths):
        return None
    try:
        moments = pc.cast(cells, pa.timestamp("ms")).cast(ARROW_TYPES[ColumnType.datetime])
    except pa.ArrowInvalid:
        return None
    first = pc.min(moments.cast(pa.int64())).as_py()
    return moments if first is None or first >= _YEAR_ONE else None


def _moments(cells: pa.StringArray, decimal: str) -> pa.Array:
    plain = _plain_moments(cells)
    if plain is not None:
        return plain
    formed = pc.match_substring_regex(cells, _MOMENT)
    if not pc.any(formed).as_py():
        return pa.nulls(len(cells), ARROW_TYPES[ColumnType.datetime])
    texts = pc.if_else(formed, cells, pa.scalar(None, pa.string())).to_pandas()
    moments = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    return pa.Array.from_pandas(moments).cast(ARROW_TYPES[ColumnType.datetime], safe=False)


def _texts(cells: pa.StringArray, decimal: str) -> pa.Array:
    return cells


_CONVERTERS: dict[ColumnType, Callable[[pa.StringArray, str], pa.Array]] = {
    ColumnType.number: _numbers,
    ColumnType.integer: _integers,
    ColumnType.category: _texts,
    ColumnType.boolean: _booleans,
    ColumnType.datetime: _moments,
    ColumnType.text: _texts,
}


def word_array(words: Sequence[str]) -> pa.StringArray:
    """Words as an array to look cells up in; the empty one is left out, it is always missing."""
    return pa.array([word for word in words if word], pa.string())
