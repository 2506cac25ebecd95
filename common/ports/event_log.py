"""Port: the event log, everything that happened in the order of arrival, kept for ever (architecture.md §4, §6)."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from common import errors
from common.filtering.conditions import And, Comparison, Condition
from common.ports.port import Port

Event: TypeAlias = dict[str, Any]
"""A CloudEvents 1.0 document: `id type source subject time data`, and `sequence` for state events."""
Topic = Literal["state", "call"]
Moment: TypeAlias = tuple[str, str, str]
"""Where an event stands in a query's order: `time`, `source`, `id`."""

FACETS = (
    "service",
    "peer",
    "actor",
    "kind",
    "route",
    "outcome",
    "session",
    "record",
    "trace",
    "type",
    "time",
    "id",
)
"""What a query can filter by."""
_PAGE = 500


@dataclass(frozen=True)
class LoggedEvent:
    """An event with its arrival number, which only grows (1 is the first; there may be gaps)."""

    arrival: int
    event: Event

    @property
    def moment(self) -> Moment:
        """The `after` of the next page of a query."""
        return (self.event["time"], self.event["source"], self.event["id"])


def topic_of(event: Mapping[str, Any]) -> Topic:
    """Whether an event tells of a communication or of a change of a record."""
    return "call" if str(event["type"]).startswith("autolearn.call.") else "state"


def facets(event: Mapping[str, Any]) -> dict[str, str | None]:
    """What filters see of an event, by the names in `FACETS`; None where it says nothing about that.

    `service` wrote the event, `peer` is the other side of a call, `record` the subject of a change or what a call
    names, `trace` the trace id inside `traceparent` (W3C Trace Context).
    """
    data = event.get("data")
    if not isinstance(data, Mapping):
        data = {}
    service, subject = str(event["source"]), _text(event.get("subject"))
    sender, receiver = _text(data.get("source")), _text(data.get("destination"))
    session = _text(event.get("session")) or _text(data.get("session"))
    if session is None and subject is not None and subject.startswith("ses_"):
        session = subject
    parent = str(event.get("traceparent") or "").split("-")
    return {
        "service": service,
        "peer": receiver if sender == service else sender,
        "actor": _text(event.get("actor")),
        "kind": topic_of(event),
        "route": _text(data.get("route")),
        "outcome": _text(data.get("outcome")),
        "session": session,
        "record": subject or _text(data.get("record")),
        "trace": parent[1] if len(parent) > 1 else None,
        "type": str(event["type"]),
        "time": str(event["time"]),
        "id": str(event["id"]),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


class EventLog(Port):
    """An append-only log. Events of one `append` arrive in their order; those of two calls in the order of the calls.

    What has returned from `append` is durable and visible to every later read.
    """

    indexed: ClassVar[bool] = False
    """Whether filters are answered from an index apart from the log, which each read brings up to date."""

    @abstractmethod
    async def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append events. Idempotent by event id: of several with one id the first counts. Nothing to do for none.

        `errors.StorageFull` or `errors.Unavailable` if it could not be made durable: try again with the same events, of
        which the first ones may be there already. Nothing is appended with `errors.Invalid`: for an event without `id`,
        `type`, `source` or `time`, or that is not JSON.
        """

    @abstractmethod
    async def read(self, *, after: int = 0, limit: int, topic: Topic | None = None) -> list[LoggedEvent]:
        """At most `limit` events that arrived behind number `after`, in that order; of one topic or of both."""

    @abstractmethod
    async def query(
        self,
        *,
        where: Condition | None = None,
        newest_first: bool = True,
        after: Moment | None = None,
        limit: int,
    ) -> list[LoggedEvent]:
        """One page in the order of `(time, source, id)`. Paths in `where` are `FACETS`, else `errors.BadFilter`.

        `after` is the `moment` of the last event of the page before.
        """

    @abstractmethod
    def histories(self, source: str | None = None) -> AsyncIterator[tuple[str, list[Event]]]:
        """The state events of each record, in the order of record ids and, inside, of `sequence`; of one source or all.

        Of several events with one (record, sequence) the first that arrived counts. Memory is bounded by a batch and
        the longest history. Events that arrive meanwhile may be missed.
        """

    async def texts(self, source: str | None = None) -> AsyncGenerator[list[tuple[str, list[str]]], None]:
        """`histories`, a batch at a time, each event as the JSON text that is stored, not decoded.

        Adapters that store the canonical form (`common.records.event.canonical`) hand it out as it is, so that its
        digest is that of the text.
        """
        async for subject, history in self.histories(source):
            yield [(subject, [json.dumps(event, ensure_ascii=False) for event in history])]

    async def history(self, source: str, subject: str) -> list[Event]:
        """The state events of one record as `histories` gives them; empty for an unknown one."""
        where = And(
            (
                Comparison("record", "=", subject),
                Comparison("kind", "=", "state"),
                Comparison("service", "=", source),
            )
        )
        found: dict[int, LoggedEvent] = {}
        after: Moment | None = None
        while True:
            page = await self.query(where=where, newest_first=False, after=after, limit=_PAGE)
            for logged in page:
                number = logged.event["sequence"]
                if number not in found or logged.arrival < found[number].arrival:
                    found[number] = logged
            if len(page) < _PAGE:
                return [found[number].event for number in sorted(found)]
            after = page[-1].moment

    @abstractmethod
    async def changed(self, after: int, timeout: float) -> bool:
        """Wait until something has arrived behind number `after`; False if `timeout` seconds passed without."""

    @abstractmethod
    async def last_position(self) -> int:
        """The number of the last arrival; 0 for an empty log."""

    async def backup(self, target: Path, begun: asyncio.Event | None = None) -> None:
        """Write a copy of one moment to a new file while in use, as `RecordStore.backup`."""
        raise errors.Conflict(f"{target} was not written: back this log up with the tools of its engine")

    @abstractmethod
    async def check(self) -> Mapping[str, str | int]:
        """Facts for the doctor, `size` in bytes among them; `errors.IntegrityError` if the engine finds damage."""
