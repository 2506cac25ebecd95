"""What each column of a stored table looks like, as JSON: one column in memory at a time.

    every      name type missing distinct
    number     min max mean std quantiles{0.05 0.25 0.5 0.75 0.95} histogram{edges counts}      (integer too)
    category   top[{value count}], most frequent first                                          (text too)
    boolean    true false: how often
    datetime   first last

Figures of a column without values, or beyond what a float holds, are null. `std` is that of a sample (n - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning.preview import moment
from common.learning.table import StoredTable

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20
_TOP = 20
_SHOWN = 200
_MANY_COLUMNS = 1000  # of a wider table only the short figures fit into a result


def describe(table: StoredTable, progress: Callable[[float], None]) -> dict[str, Any]:
    """The profile of a table, and with it the columns as a dataset version shows them."""
    short = len(table.kinds) > _MANY_COLUMNS
    columns = []
    for number, (name, column) in enumerate(table.columns(), 1):
        kind = table.kinds[name]
        shown = {"name": name, "type": kind.value, "missing": column.null_count}
        columns.append(shown | _FIGURES[kind](column, short))
        progress(number / len(table.kinds))
    return {"rows": table.rows, "columns": columns}


def _numeric(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    values = np.sort(column.drop_null().to_numpy())
    figures: dict[str, Any] = {
        "distinct": int(np.count_nonzero(values[1:] != values[:-1])) + bool(len(values)),
        **dict.fromkeys(("min", "max", "mean", "std")),
    }
    if not short:
        figures |= {"quantiles": dict.fromkeys(map(str, QUANTILES)), "histogram": None}
    if not len(values):
        return figures
    floats = values.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        figures |= {
            "min": values[0].item(),
            "max": values[-1].item(),
            "mean": _finite(floats.mean()),
            "std": _finite(floats.std(ddof=1)) if len(values) > 1 else None,
        }
        if not short:
            quantiles = np.quantile(floats, QUANTILES)
            figures["quantiles"] = {
                str(share): _finite(value) for share, value in zip(QUANTILES, quantiles, strict=True)
            }
            figures["histogram"] = _histogram(floats)
    return figures


def _histogram(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any] | None:
    """20 bins of one width, the last closed on both sides."""
    if not np.isfinite(values[-1] - values[0]):
        return None
    try:
        counts, edges = np.histogram(values, bins=_BINS)
    except ValueError:  # the values lie so close together that there are not 20 floats between them
        return {"edges": [values[0].item(), values[-1].item()], "counts": [len(values)]}
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _texts(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    counted = pc.value_counts(column.drop_null())
    table = pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    chosen = pc.select_k_unstable(
        table, k=1 if short else _TOP, sort_keys=[("count", "descending"), ("value", "ascending")]
    )
    top = [{"value": item["value"][:_SHOWN], "count": item["count"]} for item in table.take(chosen).to_pylist()]
    return {"distinct": len(counted), "top": top}


def _boolean(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    true = pc.sum(column).as_py() or 0
    false = len(column) - column.null_count - true
    return {"distinct": bool(true) + bool(false), "true": true, "false": false}


def _datetime(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    counts = column.cast(pa.int64())
    bounds = pc.min_max(counts)
    return {
        "distinct": pc.count_distinct(counts).as_py(),
        "first": moment(bounds["min"].as_py()),
        "last": moment(bounds["max"].as_py()),
    }


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


_FIGURES: dict[ColumnType, Callable[[pa.ChunkedArray, bool], dict[str, Any]]] = {
    ColumnType.number: _numeric,
    ColumnType.integer: _numeric,
    ColumnType.category: _texts,
    ColumnType.text: _texts,
    ColumnType.boolean: _boolean,
    ColumnType.datetime: _datetime,
}
