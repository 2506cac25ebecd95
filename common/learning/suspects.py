"""Words among numbers: the likely reason why a column that looks like numbers was read as texts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning import cells
from common.learning.malformed import shown

SAMPLE = 20_000
"""Rows at the beginning of a column that are looked at before all are."""
_LEAST_SHARE = 0.5
_WORDS = 3


def words_among_numbers(name: str, column: pa.ChunkedArray, kind: ColumnType, decimal: str) -> list[str]:
    """A remark on a column of which most cells are numbers: the words that are not, and what can be told. Else none."""
    if not mostly_numbers(column, decimal):
        return []
    distinct = pc.unique(column.drop_null())
    numbers = pc.is_valid(cells.convert(distinct, ColumnType.number, decimal))
    odd = distinct.filter(pc.invert(numbers))
    if not len(odd) or _share(column, decimal) < _LEAST_SHARE:
        return []
    others = column.filter(pc.fill_null(pc.is_in(column, value_set=odd), False))
    counted = sorted(pc.value_counts(others).to_pylist(), key=lambda item: (-item["counts"], item["values"]))
    words = ", ".join(f"{shown(item['values'])} ({item['counts']})" for item in counted[:_WORDS])
    more = f" and {len(odd) - _WORDS} more" if len(odd) > _WORDS else ""
    advice = "tell them as missing words" if len(odd) <= 2 * _WORDS else "tell the type, or correct the file"
    return [f"column {shown(name)} is {kind.value} because of words among its numbers: {words}{more}; {advice}"]


def mostly_numbers(column: pa.ChunkedArray, decimal: str) -> bool:
    """Whether most cells at the beginning of a column are numbers: then words among them are worth a look."""
    return _share(column.slice(0, SAMPLE), decimal) >= _LEAST_SHARE


def _share(column: pa.ChunkedArray, decimal: str) -> float:
    present: int = len(column) - column.null_count
    if not present:
        return 0.0
    fit: int = sum(
        len(chunk) - cells.convert(chunk, ColumnType.number, decimal).null_count
        for chunk in column.chunks
        if len(chunk)
    )
    return fit / float(present)
