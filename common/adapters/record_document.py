"""What every record store does alike: paths that may be asked for, limits, and changes of an envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from common import errors
from common.adapters.json_text import size
from common.filtering.conditions import value_at
from common.ports.record_store import DOCUMENT_LIMIT, Record

_PATH = re.compile(r"(state|envelope)((?:\.[A-Za-z0-9_@-]+)+)")


def inside(path: str) -> tuple[str, str]:
    """`state` or `envelope`, and the path below it. `errors.BadFilter` for any other path."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise errors.BadFilter(f"{path!r} is not a path to filter or sort by")
    return match[1], match[2][1:]


def check_size(identifier: str, *texts: str) -> None:
    """`errors.TooLarge` when the parts of a document exceed its limit."""
    total = sum(size(text) for text in texts)
    if total > DOCUMENT_LIMIT:
        raise errors.TooLarge(f"{identifier} would take {total} bytes; a record holds at most {DOCUMENT_LIMIT}")


def broken_guard(record: Record, guard: Mapping[str, Any]) -> str | None:
    """The first path whose value is not the expected one."""
    document = record.document()
    return next((path for path, value in guard.items() if value_at(document, path) != value), None)


def changed(envelope: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope with values set at dotted paths, and those set to None removed."""
    result = dict(envelope)
    for path, value in changes.items():
        *parents, name = path.split(".")
        target = result
        for parent in parents:
            there = target.get(parent)
            target[parent] = target = dict(there) if isinstance(there, Mapping) else {}
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    return result
