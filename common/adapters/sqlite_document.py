"""Records as rows of SQLite: columns, JSON paths, and the changes and guards of a write."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from common.adapters.json_text import canonical_text, dumped
from common.adapters.record_document import check_size, inside
from common.adapters.sqlite_connection import Row
from common.adapters.sqlite_query import Term
from common.ports.record_store import Record

COLUMNS = "id, version, head, envelope, state, outbox"
"""The columns of a record in the order that `record_of` expects."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


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
    column, below = inside(path)
    there = _json_path(below)
    return Term(f"json_extract({column}, '{there}')", column, there)


def columns_without(paths: Sequence[str]) -> str:
    """`COLUMNS`, where the state lacks what lies at these paths (below `state`)."""
    if not paths:
        return COLUMNS
    left_out = ", ".join(f"'{term(f'state.{path}').path}'" for path in paths)
    return COLUMNS.replace("state", f"json_remove(state, {left_out})")


def record_of(row: Row) -> Record:
    """The record of a row of `COLUMNS`."""
    identifier, version, head, envelope, state, outbox = row[:6]
    return Record(identifier, version, head, json.loads(state), events_of(outbox), json.loads(envelope))


def row_of(record: Record) -> Row:
    """The values of `COLUMNS` for a record; the inverse of `record_of`. `errors.TooLarge`, `errors.Invalid`."""
    envelope, state = dumped(record.envelope), canonical_text(record.state)
    outbox = dumped(list(record.outbox)) if record.outbox else "[]"
    check_size(record.id, envelope, state, outbox)
    return (record.id, record.version, record.head, envelope, state, outbox)


def events_of(outbox: str) -> tuple[dict[str, Any], ...]:
    """The events of the text of an outbox."""
    return () if outbox == "[]" else tuple(json.loads(outbox))


def _json_path(path: str) -> str:
    return "$" + "".join(f'."{name}"' for name in path.split("."))
