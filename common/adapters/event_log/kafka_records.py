"""Events as Kafka records: CloudEvents 1.0 in binary mode (Kafka Protocol Binding §3.2), one header for each attribute.

A reader of the topics needs nothing of ours: `ce_id`, `ce_type`, …, `traceparent` (W3C Trace Context) and the data as
JSON. What comes back is exactly what went in, because digests are taken of it; attributes that CloudEvents has no text
for go into one header of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from common import errors
from common.adapters.json_text import canonical_text
from common.ports.event_log import Event, Topic, topic_of
from common.records.event import decoded

REQUIRED = ("id", "type", "source", "time")
_REST, _SENT = "autolearn_attributes", "autolearn_sent"
_OVERHEAD = 40
"""Bytes of a record, and of each of its headers a tenth, that are lengths and the like."""

_ATTRIBUTES = {
    f"ce_{name}": name
    for name in (
        *("specversion", "id", "type", "source", "subject", "time", "sequence", "prevhash"),
        *("actor", "traceparent", "correlationid", "causationid", "session"),
    )
}
"""The attributes of ours by their headers; others are known by the prefix."""

Headers = Iterable[tuple[str, bytes]]


class Encoded(NamedTuple):
    """One record before it is sent."""

    topic: Topic
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes that it takes at most in a batch."""
        told = sum(len(name) + len(value) + _OVERHEAD // 10 for name, value in self.headers)
        return len(self.key) + len(self.value or b"") + told + _OVERHEAD


class Received(NamedTuple):
    """One record that was read: the event, and when it was sent, in nanoseconds by its sender's clock."""

    sent: int
    event: Event


def encoded(event: Mapping[str, Any], sent: int) -> Encoded:
    """The record of an event. Raises `errors.Invalid` for an event that lacks something, or is not JSON."""
    missing = [name for name in REQUIRED if not event.get(name)]
    if missing:
        raise errors.Invalid(f"an event has no {missing[0]}")
    headers: list[tuple[str, bytes]] = [("content-type", b"application/json")]
    rest: dict[str, Any] = {}
    for name, value in event.items():
        if name == "data":
            continue
        if type(value) is (int if name == "sequence" else str):
            headers.append((f"ce_{name}", _bytes(str(value))))
        else:
            rest[name] = value
    if rest:
        headers.append((_REST, _bytes(canonical_text(rest))))
    if isinstance(event.get("traceparent"), str):
        headers.append(("traceparent", _bytes(event["traceparent"])))
    headers.append((_SENT, b"%d" % sent))
    value = _bytes(canonical_text(event["data"])) if "data" in event else None
    return Encoded(topic_of(event), _key(event), value, headers)


def received(headers: Headers, value: bytes | None) -> Received | None:
    """The event of a record; None for one that is none of ours."""
    event: Event = {}
    sent = rest = b""
    try:
        for name, told in headers:  # for every event there is: most of the time of reading is here
            attribute = _ATTRIBUTES.get(name)
            if attribute is not None:
                event[attribute] = told.decode()
            elif name == _SENT:
                sent = told
            elif name == _REST:
                rest = told
            elif name[:3] == "ce_":
                event[name[3:]] = told.decode()
        if "sequence" in event:
            event["sequence"] = int(event["sequence"])
        if rest:
            event.update(decoded(rest))
        if value is not None:
            event["data"] = decoded(value)
        if event["id"] and event["type"] and event["source"] and event["time"]:
            return Received(int(sent), event)
    except (ValueError, KeyError):
        return None  # somebody else's
    return None


def _key(event: Mapping[str, Any]) -> bytes:
    """What belongs together: the record of a change, the trace of a call."""
    if topic_of(event) == "state":
        return _bytes(str(event.get("subject") or event["id"]))
    parent = str(event.get("traceparent") or "").split("-")
    return _bytes(parent[1] if len(parent) > 1 else str(event["id"]))


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise errors.Invalid(f"an event holds text that is not Unicode: {error.reason}") from error
