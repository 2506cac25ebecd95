"""Records as documents of MongoDB: names that every server takes, values that come back as they were.

    {_id, version, head, state, envelope, outbox: [{id, size, text}], outbox_size, waiting, unique}

A name may hold dots and dollars, which mean something to MongoDB: `.`, `$`, `%` and NUL are escaped as in a URL. A list
is kept as `{"%": […]}`, so that a path never looks into one, nor a comparison at its items; no name is `%` alone.
An event is kept as its text. `waiting` (microseconds) says since when the outbox has not been empty. `unique` has
those values again that must be unique, where they are there: a sparse index would let null collide with null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from common import errors
from common.adapters.json_text import canonical_text, dumped, size
from common.adapters.record_document import changed, check_size, inside
from common.filtering.conditions import value_at
from common.ports.record_store import DOCUMENT_LIMIT, OUTBOX_LIMIT, Record

Document = dict[str, Any]

LIST = "%"
"""The name below which the items of a list are."""
_SPECIAL = re.compile(r"[%.$\x00]")


def place(path: str) -> str:
    """Where MongoDB finds the value at a path of a record. `errors.BadFilter` for what cannot be asked for."""
    if path == "id":
        return "_id"
    if path != "version":
        inside(path)
    return path


def stored(value: Any) -> Any:
    """A JSON value (as `json.loads` gives it) as it is kept."""
    if isinstance(value, dict):
        return {_SPECIAL.sub(_escaped, name): stored(inner) for name, inner in value.items()}
    return {LIST: [stored(item) for item in value]} if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The JSON value of what is kept; the inverse of `stored`."""
    if isinstance(value, dict):
        if LIST in value:
            return [plain(item) for item in value[LIST]]
        return {unquote(name) if "%" in name else name: plain(inner) for name, inner in value.items()}
    if isinstance(value, int) and type(value) not in (int, bool):
        return int(value)  # the driver has a class of its own for 64 bits
    return value


def record_of(document: Document) -> Record:
    """The record of a document."""
    outbox = tuple(json.loads(event["text"]) for event in document["outbox"])
    state, envelope = plain(document["state"]), plain(document["envelope"])
    return Record(document["_id"], int(document["version"]), document["head"], state, outbox, envelope)


def document_of(record: Record, unique: Iterable[str], now: int) -> Document:
    """The document of a new record. `errors.TooLarge`, `errors.Invalid`."""
    state, envelope = canonical_text(record.state), dumped(record.envelope)
    outbox = [_event(event) for event in record.outbox]
    check_size(record.id, state, envelope, *(event["text"] for event in outbox))
    seen = {"state": _read(state), "envelope": _read(envelope)}
    document: Document = {
        "_id": record.id,
        "version": record.version,
        "head": record.head,
        "state": stored(seen["state"]),
        "envelope": stored(seen["envelope"]),
        "outbox": outbox,
        "outbox_size": sum(event["size"] for event in outbox),
        "unique": {},
    }
    if outbox:
        document["waiting"] = now
    for path in unique:
        value = value_at(seen, path)
        if value is not None:
            document["unique"][unique_name(path)] = stored(value)
    return document


def unique_name(path: str) -> str:
    """The name below `unique` of the value at a path."""
    return path.replace(".", "/")


def unique_path(name: str) -> str:
    """The inverse of `unique_name`."""
    return name.replace("/", ".")


class Change:
    """An update, gathered operator by operator."""

    def __init__(self, unique: Iterable[str]) -> None:
        self._unique = tuple(unique)
        self._update: dict[str, Document] = {}
        self._new = 0
        self.bytes = 0

    def update(self) -> dict[str, Document]:
        """What MongoDB is told; it refuses an update that holds nothing."""
        return self._update or {"$inc": {"outbox_size": 0}}

    def envelope(self, changes: Mapping[str, Any]) -> Change:
        """Set values at dotted paths below the envelope; None removes. `errors.Invalid` for what is not JSON."""
        text = dumped(dict(changes))
        self.bytes += size(text)
        wanted = _read(text)
        # MongoDB refuses to set both a value and what is inside it: the outermost ones are set, as they end up.
        whole = changed({}, wanted)
        for path in wanted:
            if any(path.startswith(f"{other}.") for other in wanted):
                continue
            value = value_at(whole, path)
            self._put(f"envelope.{path}", value)
            for unique in self._unique:
                if unique == f"envelope.{path}":
                    self._put(f"unique.{unique_name(unique)}", value)
                elif unique.startswith(f"envelope.{path}."):
                    self._put(f"unique.{unique_name(unique)}", value_at(whole, unique.removeprefix("envelope.")))
        return self

    def append(self, state: Mapping[str, Any], head: str, event: Mapping[str, Any], now: int) -> Change:
        """A new state, and one event behind the others. `errors.Invalid` for what is not JSON."""
        text, new = canonical_text(state), _event(event)
        self.bytes += size(text) + new["size"]
        self._new = new["size"]
        wanted = _read(text)
        self._put("state", wanted)
        self._put("head", head)
        for path in self._unique:
            if path.startswith("state."):
                self._put(f"unique.{unique_name(path)}", value_at({"state": wanted}, path))
        self._update["$inc"] = {"version": 1, "outbox_size": new["size"]}
        self._update["$push"] = {"outbox": new}
        self._update["$min"] = {"waiting": now}  # what waits already has waited longer
        return self

    def room(self) -> int:
        """How many bytes may wait in the outbox before the new event comes into it.

        What else is in the envelope is not counted: knowing it would take a read before each write.
        """
        return min(OUTBOX_LIMIT - self._new, DOCUMENT_LIMIT - self.bytes)

    def _put(self, path: str, value: Any) -> None:
        if value is None:
            self._update.setdefault("$unset", {})[path] = ""
        else:
            self._update.setdefault("$set", {})[path] = stored(value)


def unchanged(guard: Mapping[str, Any]) -> list[Document]:
    """Conditions that paths of the document have the values they should; None means missing."""
    return [{place(path): {"$eq": stored(_read(dumped(value)))}} for path, value in guard.items()]


def shipped(document: Document, ids: frozenset[str]) -> tuple[Document, dict[str, Document]] | None:
    """The filter and the update that remove these events from the outbox that was read; None if it has none of them.

    Appends change the version and pulls the length: with both the same, the outbox is the one that was read.
    """
    gone = [event for event in document["outbox"] if event["id"] in ids]
    if not gone:
        return None
    there = {"_id": document["_id"], "version": document["version"], "outbox": {"$size": len(document["outbox"])}}
    update: dict[str, Document] = {
        "$pull": {"outbox": {"id": {"$in": [event["id"] for event in gone]}}},
        "$inc": {"outbox_size": -sum(event["size"] for event in gone)},
    }
    if len(gone) == len(document["outbox"]):
        update["$unset"] = {"waiting": ""}
    return there, update


def _event(event: Mapping[str, Any]) -> Document:
    text = dumped(event)
    return {"id": event["id"], "size": size(text), "text": text}


def _read(text: str) -> Any:
    """The value that a text of ours says: what is kept are JSON's own types, and a copy."""
    value = json.loads(text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise errors.Invalid("a value cannot be stored as JSON: a text holds half of a surrogate pair") from error
    return value


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
