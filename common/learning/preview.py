"""The first rows of a stored table, as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from common.learning.table import StoredTable

ROWS = 50
_CELLS = 20_000
_CHARACTERS = 1_000_000


def preview(table: StoredTable) -> dict[str, Any]:
    """The first 50 rows, fewer of a very wide table; long texts end in an ellipsis."""
    names = list(table.kinds)
    wanted = max(1, min(ROWS, _CELLS // len(names)))
    head = table.head(wanted)
    if head is None:
        return {"columns": names, "rows": []}
    longest = max(20, min(500, _CHARACTERS // (wanted * len(names))))
    columns = [_column(column, longest) for column in head.columns]
    return {"columns": names, "rows": [list(row) for row in zip(*columns, strict=True)]}


def moment(milliseconds: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, for any moment that 64 bits count."""
    if milliseconds is None:
        return None
    return str(np.datetime_as_string(np.datetime64(milliseconds, "ms"))) + "Z"


def _column(column: pa.Array, longest: int) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [moment(value) for value in column.cast(pa.int64()).to_pylist()]
    values: list[Any] = column.to_pylist()
    if pa.types.is_string(column.type):
        return [text if text is None or len(text) <= longest else text[: longest - 1] + "…" for text in values]
    return values
