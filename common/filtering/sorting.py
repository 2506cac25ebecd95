"""The order of a list: sort keys, and the place of an item in it (keyset paging)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from common.filtering.conditions import Scalar, value_at

Place: TypeAlias = tuple[Scalar, ...]
"""Where an item stands in a sorted list: its value for each sort key (None if missing), then its id."""


@dataclass(frozen=True)
class SortKey:
    """One dotted path to sort by. Missing values come last in both directions."""

    path: str
    descending: bool = False


def place(document: Mapping[str, Any], identifier: str, sort: Sequence[SortKey]) -> Place:
    """The place of one document; give it as `after` to continue behind this document."""
    return (*(value_at(document, key.path) for key in sort), identifier)
