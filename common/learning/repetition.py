"""Rows that a table holds more than once: exactly, or nearly."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning.table import StoredTable

CELLS = 40_000_000
"""So many are looked at: of a larger table its first rows."""
_CUT = 42
_HALF = 1 << (_CUT - 1)
_MISSING = np.uint64(0x9E3779B97F4A7C15)

_Hashes = np.ndarray[Any, np.dtype[np.uint64]]


def repeated(table: StoredTable, identifiers: Collection[str], progress: Callable[[float], None]) -> dict[str, int]:
    """`exact` and `near`: how many rows there are of which an earlier one is the same; `rows` were looked at.

    Near are rows that are the same when numbers are rounded to one part in a thousand, texts are compared without case
    and blanks, and columns that look like `identifiers` are left out; exact ones count here too.
    """
    rows = min(table.rows, CELLS // max(1, len(table.kinds)))
    exact: list[_Hashes] = []
    near: list[_Hashes] = []
    seen = 0
    for batch in table.batches():
        batch = batch.slice(0, rows - seen)
        seen += len(batch)
        exact.append(_hashes(batch.columns))
        likened = [
            _likened(column, kind)
            for column, (name, kind) in zip(batch.columns, table.kinds.items(), strict=True)
            if name not in identifiers
        ]
        near.append(_hashes(likened) if likened else exact[-1])
        progress(seen / max(1, rows))
        if seen >= rows:
            break
    return {"rows": seen, "exact": _again(exact), "near": _again(near)}


def _again(hashes: list[_Hashes]) -> int:
    every = np.sort(np.concatenate(hashes))
    return int(np.count_nonzero(every[1:] == every[:-1]))


def _likened(column: pa.Array, kind: ColumnType) -> pa.Array:
    if kind in (ColumnType.number, ColumnType.integer):
        return _rounded(column.cast(pa.float64(), safe=False))
    if pa.types.is_string(column.type):
        return pc.replace_substring_regex(pc.utf8_lower(column), r"\s+", "")
    return column


def _rounded(column: pa.Array) -> pa.Array:
    """Numbers whose significand (IEEE 754) has ten bits: one in a thousand, much cheaper than rounding decimals."""
    bits = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False).view(np.int64)
    rounded = (bits + _HALF) & -(1 << _CUT)
    return pa.array(rounded, mask=column.is_null().to_numpy(zero_copy_only=False))


def _hashes(columns: list[pa.Array]) -> _Hashes:
    """A 64-bit hash a row: that two rows of a million share one by chance has a probability of 3 in 10⁸."""
    total = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            total = total * np.uint64(1_000_003) + _hashed(column)
            total ^= total >> np.uint64(29)
    return total


def _hashed(column: pa.Array) -> _Hashes:
    if pa.types.is_string(column.type):
        coded = column.dictionary_encode()
        words = pd.util.hash_array(np.asarray(coded.dictionary.to_pylist(), dtype=object), categorize=False)
        codes = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
        known: _Hashes = np.append(words, _MISSING)[codes]
        return known
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    if pa.types.is_boolean(plain.type):
        plain = plain.cast(pa.int8())
    missing = plain.is_null().to_numpy(zero_copy_only=False)
    values = pc.fill_null(plain, 0).to_numpy(zero_copy_only=False)
    hashed: _Hashes = pd.util.hash_array(values)
    hashed[missing] = _MISSING
    return hashed
