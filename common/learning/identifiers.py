"""Features that look like the number or the name of their row: what a model learns from them, new rows cannot show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.notes import Notes
from common.learning.oddities import identifier_like
from common.learning.sample import Sample

_FIRST = 1_000
_NAMED = 5


def note_identifiers(rows: Sample, columns: Sequence[Mapping[str, Any]], notes: Notes) -> None:
    """Name the features `columns` (`{name, type}`) that differ in every row, as `datasets profile` would."""
    found = [column["name"] for column in columns if _differs(rows, column)]
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        notes.add(
            f"learned from, though different in every row like an identifier: {', '.join(found[:_NAMED])}{more};"
            " exclude what tells nothing of new rows"
        )


def _differs(rows: Sample, column: Mapping[str, Any]) -> bool:
    if column["type"] not in ("integer", "category", "text"):
        return False
    values = rows.features[column["name"]]
    if not values.iloc[:_FIRST].is_unique:
        return False
    seen = {**column, "missing": int(values.isna().sum()), "distinct": len(rows) if values.is_unique else 0}
    if column["type"] == "integer":
        seen |= {"min": values.min(), "max": values.max()}
    return identifier_like(seen, len(rows))
