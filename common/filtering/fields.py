"""The documented fields of a list: what people may filter and sort by, where it is stored, and of which kind it is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from common import errors

Kind = Literal["text", "number", "boolean", "time", "list", "id"]


@dataclass(frozen=True)
class Field:
    """Where a field is stored (a dotted path of the document, `state.measures.f1`) and the kind of its values.

    `time`: RFC 3339 text in UTC with milliseconds. `list`: a list of texts, for which `=` asks whether it has one.
    `id`: an id of a record; `=` takes its ending too, as lists show it.
    """

    path: str
    kind: Kind = "text"


Fields: TypeAlias = Mapping[str, Field]
"""Fields by the names that people write. A name ending in `.*` stands for any further parts; so then does the path."""


def found_field(fields: Fields, name: str, parameter: str, place: str = "") -> Field:
    """The field of a name. `errors.BadFilter`, with near misses, if it is not documented.

    `parameter` (`filter` or `sort`) and `place` say in the message where the name was written.
    """
    if name in fields:
        return fields[name]
    for pattern, field in fields.items():
        stem = pattern.removesuffix("*")
        if stem != pattern and name.startswith(stem) and _plain(name.removeprefix(stem)):
            return Field(field.path.removesuffix("*") + name.removeprefix(stem), field.kind)
    near = tuple(difflib.get_close_matches(name, fields, n=3, cutoff=0.5))
    hint = f"did you mean {near[0]!r}? " if near else ""
    detail = f"{name!r}{place} is not a field; {hint}the fields are {', '.join(sorted(fields)) or 'none'}"
    raise bad(parameter, "unknown_field", detail, near)


def bad(parameter: str, code: str, detail: str, suggestions: tuple[str, ...] = ()) -> errors.BadFilter:
    """The error for a filter or sort order, with its flaw at the query parameter."""
    flaw = errors.Flaw(f"?{parameter}", code, detail, suggestions)
    return errors.BadFilter(f"{parameter}: {detail}", flaws=(flaw,))


def _plain(rest: str) -> bool:
    return all(rest.split("."))
