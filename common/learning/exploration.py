"""What to know of a stored table before training on it: how its columns go together, what the target is, what is odd.

Bounded for tables of any size: figures of single columns (`profile`) and counts are of all rows, those of pairs are of
a sample of rows (the same one each time) and a limited number of columns; `sample` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning import association
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.association import Codes, Numbers
from common.learning.choice import infer_task
from common.learning.oddities import Column, Oddities, gives_away, identifier_like
from common.learning.repetition import repeated
from common.learning.table import StoredTable

ROWS = 10_000
"""Of the sample, for correlations."""
ESTIMATED_ROWS = 3_000
"""Of these, for mutual information and the score of a single feature."""
CORRELATED = 50
"""Columns of the matrices of correlations."""
ASSOCIATED = 200
"""Columns whose association with the target is computed."""
CLASSES = 50
"""Classes whose rows are listed, the most frequent first."""

_LARGE = 1e100
"""Beyond, numbers are scaled, which no figure here minds, before their squares overflow."""
_NUMERIC = (ColumnType.number, ColumnType.integer, ColumnType.boolean)

Progress = Callable[[str, float], None]


def explore(table: StoredTable, columns: Sequence[Column], target: str | None, progress: Progress) -> dict[str, Any]:
    """Correlations, repeated rows, oddities, and all about a target if one is named.

    `columns` are those of the table's profile. The result is JSON: `sample correlations duplicates target warnings`.
    """
    sample = _Sample(table)
    by_name = {column["name"]: column for column in columns}
    about = None if target is None else _target(table, sample, by_name, target, progress)
    ranked = [one["name"] for one in about["associations"]] if about else []
    numeric = [name for name, kind in table.kinds.items() if kind in _NUMERIC and by_name[name]["distinct"] > 1]
    chosen = sorted(numeric, key=lambda name: ranked.index(name) if name in ranked else len(ranked))[:CORRELATED]
    chosen = [name for name in numeric if name in set(chosen)]
    progress("correlating", 0.0)
    correlations = _correlations(sample, chosen, len(numeric))
    identifiers = {column["name"] for column in columns if identifier_like(column, table.rows)}
    duplicates = repeated(table, identifiers, lambda fraction: progress("comparing rows", fraction))
    oddities = Oddities(table.rows, columns)
    oddities.of_columns(target)
    oddities.of_rows(duplicates)
    oddities.of_correlations(correlations)
    if about is not None:
        oddities.of_target(about)
    return {
        "sample": {
            "rows": len(sample),
            "estimated_rows": min(len(sample), ESTIMATED_ROWS),
            "of_rows": table.rows,
            "seed": 0,
        },
        "correlations": correlations,
        "duplicates": duplicates,
        "target": about,
        "warnings": oddities.found(),
    }


@dataclass(frozen=True)
class _Values:
    """A column of the sample: codes of categories with their number, or numbers."""

    values: Any
    categories: bool


class _Sample:
    """The same rows of each column, one column in memory at a time."""

    def __init__(self, table: StoredTable) -> None:
        self._table = table
        self._positions = np.arange(table.rows)
        if table.rows > ROWS:
            rows = np.random.default_rng(0).choice(table.rows, ROWS, replace=False, shuffle=False)
            self._positions = np.sort(rows)

    def __len__(self) -> int:
        return len(self._positions)

    def numbers(self, name: str) -> Numbers:
        """The values of a column as floats; booleans are 0 and 1, moments milliseconds since 1970."""
        return _floats(self._table.column(name).take(self._positions))

    def values(self, name: str, *, categories: bool) -> _Values:
        """The values of a column, as codes where they are `categories`."""
        column = self._table.column(name).take(self._positions)
        return _Values(_codes(column) if categories else _floats(column), categories)

    def estimated(self, values: _Values) -> Any:
        """Fewer rows, for what takes long; neighbours in the table are spread."""
        if len(self) <= ESTIMATED_ROWS:
            return values.values
        fewer = np.random.default_rng(1).choice(len(self), ESTIMATED_ROWS, replace=False, shuffle=False)
        return values.values[fewer]


def _floats(column: pa.ChunkedArray) -> Numbers:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found: Numbers = column.cast(pa.float64(), safe=False).to_numpy()
    largest = max(abs(float(bound or 0)) for bound in pc.min_max(column).as_py().values())
    return found / largest if largest > _LARGE else found


def _codes(column: pa.ChunkedArray) -> Codes:
    coded = column.combine_chunks().dictionary_encode()
    found: Codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _correlations(sample: _Sample, names: Sequence[str], candidates: int) -> dict[str, Any]:
    frame = pd.DataFrame({name: sample.numbers(name) for name in names})
    return {
        "columns": list(names),
        "pearson": association.correlations(frame, "pearson") if names else [],
        "spearman": association.correlations(frame, "spearman") if names else [],
        "left_out": candidates - len(names),
    }


def _target(
    table: StoredTable, sample: _Sample, columns: Mapping[str, Column], name: str, progress: Progress
) -> dict[str, Any]:
    column = columns[name]
    task, reason = infer_task(column, column["distinct"])
    classes = task == CLASSIFICATION
    target = sample.values(name, categories=classes)
    texts = [one for one, kind in table.kinds.items() if kind is ColumnType.text and one != name]
    # A value and gaps are two things: a column that is empty for one class gives it away.
    told = {one for one in table.kinds if columns[one]["distinct"] + bool(columns[one]["missing"]) > 1}
    useful = [one for one in table.kinds if one in told and one not in (name, *texts)]
    found = []
    for number, one in enumerate(useful[:ASSOCIATED], 1):
        categories = table.kinds[one] in (ColumnType.category, ColumnType.boolean)
        found.append({"name": one, **_association(sample, sample.values(one, categories=categories), target)})
        progress("associating", number / min(len(useful), ASSOCIATED))
    found.sort(key=lambda one: (not gives_away(one), -(one["mutual_information"] or 0), -(one["score"] or 0)))
    return {
        "name": name,
        "type": column["type"],
        "task": task,
        "task_reason": reason,
        "missing": column["missing"],
        "classes": _classes(table.column(name)) if classes else None,
        "associations": found,
        "left_out": {"text": len(texts), "too_many": max(0, len(useful) - ASSOCIATED)},
    }


def _association(sample: _Sample, one: _Values, target: _Values) -> dict[str, Any]:
    """One measure by the kinds of both, `measure` its name; and two that are the same for all kinds."""
    x, y = one.values, target.values
    extra: dict[str, float | None] = {}
    match one.categories, target.categories:
        case True, True:
            measure, value = "cramers_v", association.cramers_v(x, y)
        case True, False:
            measure, value = "correlation_ratio", association.correlation_ratio(x, y)
        case False, True:
            measure, value = "correlation_ratio", association.correlation_ratio(y, x)
        case _:
            measure, value = "pearson", association.pearson(x, y)
            extra["spearman"] = _rounded(association.spearman(x, y))
    x, y = sample.estimated(one), sample.estimated(target)
    return {
        "measure": measure,
        "value": _rounded(value),
        **extra,
        "mutual_information": _rounded(association.mutual_information(x, y)),
        "score": _rounded(association.single_feature_score(x, y)),
    }


def _classes(column: pa.ChunkedArray) -> dict[str, Any]:
    """The balance of the classes, over all rows: `top` [{value, count, share}], how many there are, and the fewest."""
    counted = pc.value_counts(column.drop_null())
    pairs = sorted(
        zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True),
        key=lambda pair: (-pair[1], str(pair[0])),
    )
    total = max(1, sum(count for _, count in pairs))
    top = [{"value": value, "count": count, "share": round(count / total, 6)} for value, count in pairs[:CLASSES]]
    return {"distinct": len(pairs), "top": top, "fewest": pairs[-1][1] if pairs else 0}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
