"""Records as rows of SQLite: columns, JSON paths, and the changes and guards of a write."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors
from common.adapters.json_text import canonical_text, dumped, size
from common.adapters.sqlite_connection import Row
from common.adapters.sqlite_query import Term
from common.filtering.conditions import value_at
from common.ports.record_store import DOCUMENT_LIMIT, Record

COLUMNS = "id, version, head, envelope, state, outbox"
"""The columns of a record in the order that `record_of` expects."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_PATH = re.compile(r"(state|envelope)((?:\.[A-Za-z0-9_@-]+)+)")


def table_of(collection: str) -> str:
    """The name of a collection's table; `ValueError` for what cannot be a name."""
    if not _NAME.fullmatch(collection):
        raise ValueError(f"{collection!r} is not the name of a collection")
    return f"record_{collection}"


def index_of(table: str, paths: Sequence[str], kind: str = "index") -> str:
    """A name that follows from what the index holds, so that declaring it again finds it."""
    return f"{table}_{kind}_{hashlib.sha256(' '.join(paths).encode()).hexdigest()[:16]}"


def term(path: str) -> Term:
    """The value at a path of the document. Only this charset ever becomes text of a statement."""
    if path in ("id", "version"):
        return Term(path)
    match = _PATH.fullmatch(path)
    if match is None:
        raise errors.BadFilter(f"{path!r} is not a path to filter or sort by")
    column, inside = match[1], _json_path(match[2][1:])
    return Term(f"json_extract({column}, '{inside}')", column, inside)


def columns_without(paths: Sequence[str]) -> str:
    """`COLUMNS`, where the state lacks what lies at these paths (below `state`)."""
    if not paths:
        return COLUMNS
    inside = ", ".join(f"'{term(f'state.{path}').path}'" for path in paths)
    return COLUMNS.replace("state", f"json_remove(state, {inside})")


def record_of(row: Row) -> Record:
    """The record of a row of `COLUMNS`."""
    identifier, version, head, envelope, state, outbox = row[:6]
    return Record(identifier, version, head, json.loads(state), events_of(outbox), json.loads(envelope))


def row_of(record: Record) -> Row:
    """The values of `COLUMNS` for a record; the inverse of `record_of`. `errors.TooLarge`, `errors.Invalid`."""
    envelope, state = dumped(record.envelope), canonical_text(record.state)
    outbox = dumped(list(record.outbox))
    check_size(record.id, envelope, state, outbox)
    return (record.id, record.version, record.head, envelope, state, outbox)


def events_of(outbox: str) -> tuple[dict[str, Any], ...]:
    """The events of the text of an outbox."""
    return () if outbox == "[]" else tuple(json.loads(outbox))


def check_size(identifier: str, *texts: str) -> None:
    """`errors.TooLarge` when the parts of a document exceed its limit."""
    total = sum(size(text) for text in texts)
    if total > DOCUMENT_LIMIT:
        raise errors.TooLarge(f"{identifier} would take {total} bytes; a record holds at most {DOCUMENT_LIMIT}")


def broken_guard(row: Row, guard: Mapping[str, Any]) -> str | None:
    """The first path whose value is not the expected one."""
    if not guard:
        return None
    document = record_of(row).document()
    return next((path for path, value in guard.items() if value_at(document, path) != value), None)


def changed(envelope: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope with values set at dotted paths, and those set to None removed."""
    result = dict(envelope)
    for path, value in changes.items():
        *parents, name = path.split(".")
        target = result
        for parent in parents:
            inner = target.get(parent)
            target[parent] = target = dict(inner) if isinstance(inner, Mapping) else {}
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    return result


def _json_path(inside: str) -> str:
    return "$" + "".join(f'."{name}"' for name in inside.split("."))
