"""Date-times as columns to learn from: `when` gives `when_year`, `_month`, `_day`, `_weekday`, and `_hour`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning.malformed import shown
from common.learning.table import Kinds

_PARTS = ("year", "month", "day", "weekday", "hour")


class Derived:
    """The columns that are added to a table for its date-time columns, behind all others, in UTC.

    `weekday` is that of ISO 8601 (1 Monday, 7 Sunday); `hour` only for columns in `timed`. A name that is there already
    is left alone: a table that was downloaded and comes back gets nothing twice.
    """

    def __init__(self, kinds: Kinds, timed: Collection[str], *, only: Iterable[str] | None = None) -> None:
        self._columns: list[tuple[int, str]] = []
        self.kinds = dict(kinds)
        self.notes: list[str] = []
        wanted = set(kinds if only is None else only)
        for position, (name, kind) in enumerate(kinds.items()):
            if kind is not ColumnType.datetime or name not in wanted:
                continue
            parts = [part for part in _PARTS if part != "hour" or name in timed]
            added = [part for part in parts if f"{name}_{part}" not in self.kinds]
            for part in added:
                self.kinds[f"{name}_{part}"] = ColumnType.integer
                self._columns.append((position, part))
            if added:
                self.notes.append(f"column {shown(name)} is a date-time; added from it: {', '.join(added)}")

    def extended(self, columns: Sequence[pa.Array]) -> list[pa.Array]:
        """The columns of a block with the derived ones behind them."""
        return [*columns, *(_part(columns[position], part) for position, part in self._columns)]


def written_with_times(texts: pa.Array | pa.ChunkedArray) -> bool:
    """Whether some of the texts that were read as moments has a time of day."""
    return bool(pc.any(pc.match_substring(texts, ":")).as_py())


def has_times(values: pa.Array | pa.ChunkedArray) -> bool:
    """Whether some moment is not midnight (UTC)."""
    return bool(pc.any(pc.not_equal(values, pc.floor_temporal(values, unit="day"))).as_py())


def _part(values: pa.Array, part: str) -> pa.Array:
    match part:
        case "year":
            found = pc.year(values)
        case "month":
            found = pc.month(values)
        case "day":
            found = pc.day(values)
        case "weekday":
            found = pc.day_of_week(values, count_from_zero=False)
        case _:
            found = pc.hour(values)
    return found.cast(pa.int64())
