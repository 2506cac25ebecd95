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
    for number, (name, kind) in enumerate(table.kinds.items(), 1):
        column = table.column(name)
        shown = {
            "name": name,
            "type": kind.value,
            "missing": column.null_count,
            "distinct": pc.count_distinct(column, mode="only_valid").as_py(),
        }
        columns.append(shown | _FIGURES[kind](column, short))
        progress(number / len(table.kinds))
    return {"rows": table.rows, "columns": columns}


def _numeric(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    values = column.drop_null().to_numpy()
    if not len(values):
        empty: dict[str, Any] = dict.fromkeys(("min", "max", "mean", "std"))
        return empty if short else empty | {"quantiles": dict.fromkeys(map(str, QUANTILES)), "histogram": None}
    with np.errstate(over="ignore", invalid="ignore"):
        figures = {
            "min": values.min().item(),
            "max": values.max().item(),
            "mean": _finite(values.mean(dtype=np.float64)),
            "std": _finite(values.std(ddof=1, dtype=np.float64)) if len(values) > 1 else None,
        }
        if short:
            return figures
        floats = values.astype(np.float64)
        quantiles = np.quantile(floats, QUANTILES)
        figures["quantiles"] = {str(share): _finite(value) for share, value in zip(QUANTILES, quantiles, strict=True)}
        figures["histogram"] = _histogram(floats)
    return figures


def _histogram(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any] | None:
    """20 bins of one width, the last closed on both sides."""
    if not np.isfinite(values.max() - values.min()):
        return None
    try:
        counts, edges = np.histogram(values, bins=_BINS)
    except ValueError:  # the values lie so close together that there are not 20 floats between them
        return {"edges": [values.min().item(), values.max().item()], "counts": [len(values)]}
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _texts(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    counted = pc.value_counts(column.drop_null().combine_chunks())
    table = pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    order = [("count", "descending"), ("value", "ascending")]
    chosen = pc.select_k_unstable(table, k=1 if short else _TOP, sort_keys=order)
    top = [{"value": item["value"][:_SHOWN], "count": item["count"]} for item in table.take(chosen).to_pylist()]
    return {"top": top}


def _boolean(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    true = pc.sum(column).as_py() or 0
    return {"true": true, "false": len(column) - column.null_count - true}


def _datetime(column: pa.ChunkedArray, short: bool) -> dict[str, Any]:
    bounds = pc.min_max(column.cast(pa.int64())).as_py()
    return {"first": moment(bounds["min"]), "last": moment(bounds["max"])}


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
