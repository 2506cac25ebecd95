"""Things side by side: one row per field, with the values in the order of the things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.contracts.sessions import Comparison
from common.learning import registry


def compare(ids: Sequence[str], documents: Sequence[Mapping[str, Any]]) -> Comparison:
    """`documents` by field, as fields first appear; nested ones as `measures.f1`, missing ones as null.

    A row of a measure has its `direction`: whether `higher` or `lower` is better.
    """
    flat = [dict(_flat(document)) for document in documents]
    fields = list(dict.fromkeys(name for one in flat for name in one))
    rows = []
    for field in fields:
        values = [one.get(field) for one in flat]
        row = {"field": field, "values": values, "differs": any(value != values[0] for value in values[1:])}
        if measure := registry.measures().get(field.removeprefix("measures.")):
            row["direction"] = measure.direction
        rows.append(row)
    return Comparison(ids=list(ids), rows=rows)


def _flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            found.extend(_flat(value, f"{prefix}{name}."))
        else:
            found.append((prefix + name, value))
    return found
