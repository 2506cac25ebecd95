"""The order of a list: `sort=-measures.f1,created`, and the place of an item in it (keyset paging)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from common.filtering.conditions import Scalar, value_at
from common.filtering.fields import Fields, bad, found_field

KEYS_LIMIT = 4

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


def parse_sort(text: str, fields: Fields) -> tuple[SortKey, ...]:
    """The sort keys of a text such as `-measures.f1,created`, where `-` means descending; none for an empty text.

    Raises `errors.BadFilter` for an unknown field, one that has no order (a list), a repeated one, or over four.
    """
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    if len(names) > KEYS_LIMIT:
        raise bad("sort", "too_long", f"{len(names)} fields are too many to sort by; at most {KEYS_LIMIT} go")
    keys: list[SortKey] = []
    for name in names:
        field = found_field(fields, name.removeprefix("-"), "sort")
        if field.kind == "list":
            raise bad("sort", "bad_operator", f"{name.removeprefix('-')!r} is a list and has no order")
        if any(key.path == field.path for key in keys):
            raise bad("sort", "repeated", f"{name.removeprefix('-')!r} is there twice")
        keys.append(SortKey(field.path, descending=name.startswith("-")))
    return tuple(keys)
