"""The floors of what is done to tables: `python -m benchmarks.tabular_floors`, pyarrow and numpy as anybody uses them.

`store`: `pyarrow.csv` reads a file and writes it as Parquet with the compression that ours has. `figures`: all figures
of a profile, of a table that is in memory as a whole; those of pairs of columns by the functions that ours calls,
because what they compute is theirs by definition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from benchmarks.alone import serve
from common.learning import association
from common.learning.exploration import ESTIMATED_ROWS, ROWS
from common.learning.profile import QUANTILES, describe
from common.learning.table import StoredTable

_BINS, _TOP, _ROUNDED = 20, 20, 42


def work(order: dict[str, Any]) -> Any:
    """One order: `store` (csv, parquet), `figures` (parquet, target), or `describe` (parquet), which is ours."""
    if order["work"] == "store":
        return store(order["csv"], order["parquet"])
    if order["work"] == "describe":
        with StoredTable(Path(order["parquet"])) as stored:
            return len(describe(stored, lambda _: None))
    return figures(order["parquet"], order["target"])


def store(csv: str, parquet: str) -> int:
    """The rows that were stored."""
    table = arrow_csv.read_csv(csv)
    pq.write_table(table, parquet, compression="zstd")
    return int(table.num_rows)


def figures(parquet: str, target: str) -> dict[str, Any]:
    """What a profile with a target says, but for its words."""
    table = pq.read_table(parquet)
    rows = np.sort(np.random.default_rng(0).choice(len(table), min(len(table), ROWS), replace=False, shuffle=False))
    sample = table.take(rows)
    numeric = [name for name in table.column_names if not pa.types.is_string(table[name].type)]
    frame = pd.DataFrame({name: _floats(sample[name]) for name in numeric if not _moments(table[name])})
    return {
        "columns": {name: _column(table[name]) for name in table.column_names},
        "pearson": _listed(frame.corr(method="pearson", min_periods=3)),
        "spearman": _listed(frame.corr(method="spearman", min_periods=3)),
        "exact": _again(table),
        "near": _again(_likened(table)),
        "classes": _counts(table[target]),
        "associations": {
            name: _association(sample[name], sample[target])
            for name in table.column_names
            if name != target and not _text(table[name])
        },
    }


def _column(column: pa.ChunkedArray) -> dict[str, Any]:
    known = column.drop_null()
    if pa.types.is_string(column.type):
        return {"missing": column.null_count, "distinct": pc.count_distinct(known).as_py(), "top": _counts(column)}
    if pa.types.is_boolean(column.type):
        return {"missing": column.null_count, "distinct": pc.count_distinct(known).as_py(), "top": _counts(column)}
    if _moments(column):
        ends = pc.min_max(known).as_py()
        first, last = (ends[end].isoformat() for end in ("min", "max"))
        return {
            "missing": column.null_count,
            "distinct": pc.count_distinct(known).as_py(),
            "first": first,
            "last": last,
        }
    values = known.to_numpy()
    return {
        "missing": column.null_count,
        "distinct": len(np.unique(values)),
        "min": values.min().item(),
        "max": values.max().item(),
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)),
        "quantiles": np.quantile(values, QUANTILES).tolist(),
        "counts": np.histogram(values, bins=_BINS)[0].tolist(),
    }


def _counts(column: pa.ChunkedArray) -> list[Any]:
    counted = pc.value_counts(column.drop_null())
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    return [list(pair) for pair in sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))[:_TOP]]


def _again(table: pa.Table) -> int:
    return int(len(table) - len(table.group_by(table.column_names).aggregate([])))


def _likened(table: pa.Table) -> pa.Table:
    columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_string(column.type):
            column = pc.replace_substring_regex(pc.utf8_lower(column), r"\s+", "")
        elif pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            if len(np.unique(column.drop_null().to_numpy())) == len(table):
                continue  # like an identifier
            bits = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy().view(np.int64)
            rounded = (bits + (1 << (_ROUNDED - 1))) & -(1 << _ROUNDED)
            column = pa.array(rounded, mask=column.is_null().to_numpy(zero_copy_only=False))
        columns[name] = column
    return pa.table(columns)


def _association(one: pa.ChunkedArray, target: pa.ChunkedArray) -> dict[str, Any]:
    x, y = _codes(one) if _named(one) else _floats(one), _codes(target)
    value = association.cramers_v(x, y) if _named(one) else association.correlation_ratio(y, x)
    fewer = slice(None)
    if len(x) > ESTIMATED_ROWS:
        fewer = np.random.default_rng(1).choice(len(x), ESTIMATED_ROWS, replace=False, shuffle=False)
    return {
        "value": value,
        "mutual_information": association.mutual_information(x[fewer], y[fewer]),
        "score": association.single_feature_score(x[fewer], y[fewer]),
    }


def _floats(column: pa.ChunkedArray) -> Any:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.cast(pa.float64()).to_numpy()


def _codes(column: pa.ChunkedArray) -> Any:
    indices = column.combine_chunks().dictionary_encode().indices
    return pc.fill_null(indices, -1).to_numpy().astype(np.int64)


def _named(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_boolean(column.type))


def _moments(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_timestamp(column.type))


def _text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type)) and pc.count_distinct(column).as_py() > len(column) / 2


def _listed(frame: pd.DataFrame) -> list[list[float]]:
    found: list[list[float]] = frame.to_numpy().tolist()
    return found


if __name__ == "__main__":
    serve(work)
