"""What each column of a stored table looks like, as JSON: one column in memory at a time, of texts not even that.

    every      name type missing distinct
    number     min max mean std quantiles{0.05 0.25 0.5 0.75 0.95} histogram{edges counts}      (integer too)
    category   top[{value count}], most frequent first                                          (text too)
    boolean    true false: how often
    datetime   first last

Figures of a column without values, or beyond what a float holds, are null. `std` is that of a sample (n - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning.preview import moment
from common.learning.table import Chunks, StoredTable
from common.learning.tally import Tally

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20
_TOP = 20
_SHOWN = 200
_BLOCK = 1 << 20
_MANY_COLUMNS = 1000  # of a wider table only the short figures fit into a result

_Numbers = np.ndarray[Any, np.dtype[Any]]


def describe(table: StoredTable, progress: Callable[[float], None]) -> dict[str, Any]:
    """The profile of a table, and with it the columns as a dataset version shows them."""
    short = len(table.kinds) > _MANY_COLUMNS
    columns = []
    for number, (name, chunks) in enumerate(table.columns(), 1):
        kind = table.kinds[name]
        columns.append({"name": name, "type": kind.value, **_FIGURES[kind](chunks, table.rows, short)})
        if table.rows > _BLOCK:
            pa.default_memory_pool().release_unused()
        progress(number / len(table.kinds))
    return {"rows": table.rows, "columns": columns}


def _numeric(chunks: Chunks, rows: int, short: bool) -> dict[str, Any]:
    values = _ascending(chunks, rows)
    figures: dict[str, Any] = {
        "missing": rows - len(values),
        "distinct": _different(values),
        **dict.fromkeys(("min", "max", "mean", "std")),
    }
    if not short:
        figures |= {"quantiles": dict.fromkeys(map(str, QUANTILES)), "histogram": None}
    if not len(values):
        return figures
    with np.errstate(over="ignore", invalid="ignore"):
        mean = sum(float(block.sum()) for block in _floats(values)) / len(values)
        figures |= {
            "min": values[0].item(),
            "max": values[-1].item(),
            "mean": _finite(mean),
            "std": _finite(_deviation(values, mean)) if len(values) > 1 else None,
        }
        if not short:
            figures["quantiles"] = {str(share): _finite(_quantile(values, share)) for share in QUANTILES}
            figures["histogram"] = _histogram(values)
    return figures


def _ascending(chunks: Chunks, rows: int) -> _Numbers:
    """The values that there are, sorted; `rows` is how many there are at most."""
    values: _Numbers = np.zeros(0)
    count = 0
    for chunk in chunks():
        known = chunk.drop_null().to_numpy()
        if not count:
            values = np.empty(rows, known.dtype)
        values[count : count + len(known)] = known
        count += len(known)
    values = values[:count]
    values.sort()
    return values


def _different(ascending: _Numbers) -> int:
    return int(np.count_nonzero(ascending[1:] != ascending[:-1])) + bool(len(ascending))


def _floats(values: _Numbers) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    """In blocks: of a column of millions every array of intermediate results counts."""
    for start in range(0, len(values), _BLOCK):
        yield values[start : start + _BLOCK].astype(np.float64, copy=False)


def _deviation(values: _Numbers, mean: float) -> float:
    squares = 0.0
    for block in _floats(values):
        centred = block - mean
        squares += float(np.multiply(centred, centred, out=centred).sum())
    return math.sqrt(squares / (len(values) - 1))


def _quantile(ascending: _Numbers, share: float) -> float:
    """As `numpy.quantile`, which would sort again: linear between two values (Hyndman and Fan 1996, type 7)."""
    place = share * (len(ascending) - 1)
    low = int(place)
    one, two = np.float64(ascending[low]), np.float64(ascending[min(low + 1, len(ascending) - 1)])
    part = place - low
    return float(two - (two - one) * (1 - part) if part >= 0.5 else one + (two - one) * part)


def _histogram(ascending: _Numbers) -> dict[str, Any] | None:
    """20 bins of one width, the last closed on both sides."""
    ends = ascending[[0, -1]].astype(np.float64)
    if not np.isfinite(ends[1] - ends[0]):
        return None
    try:
        edges = np.histogram_bin_edges(ends, bins=_BINS)
    except ValueError:  # the values lie so close together that there are not 20 floats between them
        return {"edges": [ascending[0].item(), ascending[-1].item()], "counts": [len(ascending)]}
    inner = sum(np.searchsorted(block, edges[1:-1]) for block in _floats(ascending))
    below = [0, *np.asarray(inner).tolist(), len(ascending)]
    return {"edges": edges.tolist(), "counts": np.diff(below).tolist()}


def _texts(chunks: Chunks, rows: int, short: bool) -> dict[str, Any]:
    tally = Tally(chunks, rows)
    top = [{"value": value[:_SHOWN], "count": count} for value, count in tally.top(1 if short else _TOP)]
    return {"missing": tally.missing, "distinct": tally.distinct, "top": top}


def _boolean(chunks: Chunks, rows: int, short: bool) -> dict[str, Any]:
    counted = [(pc.sum(chunk).as_py() or 0, chunk.null_count) for chunk in chunks()]
    true, missing = (sum(column) for column in zip(*counted, strict=True)) if counted else (0, 0)
    false = rows - missing - true
    return {"missing": missing, "distinct": bool(true) + bool(false), "true": true, "false": false}


def _datetime(chunks: Chunks, rows: int, short: bool) -> dict[str, Any]:
    counts = _ascending(lambda: (chunk.cast(pa.int64()) for chunk in chunks()), rows)
    first, last = (counts[[0, -1]].tolist()) if len(counts) else (None, None)
    return {
        "missing": rows - len(counts),
        "distinct": _different(counts),
        "first": moment(first),
        "last": moment(last),
    }


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


_FIGURES: dict[ColumnType, Callable[[Chunks, int, bool], dict[str, Any]]] = {
    ColumnType.number: _numeric,
    ColumnType.integer: _numeric,
    ColumnType.category: _texts,
    ColumnType.text: _texts,
    ColumnType.boolean: _boolean,
    ColumnType.datetime: _datetime,
}
