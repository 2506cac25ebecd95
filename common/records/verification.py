"""Verification: every stored record equals the fold of its events; and rebuilding records from the log alone.

Events of the log and records of the store are joined in the order of their ids as they come, so memory is bounded by a
batch of each. Both change meanwhile, and the log is read ahead of the store; so whatever does not fit in the stream is
only a suspect, and is looked at again alone, record first: an event leaves an outbox only when the log has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import errors
from common.filtering.conditions import And, Comparison
from common.ports.event_log import Event, EventLog, Moment
from common.ports.record_store import Record, RecordStore
from common.records.event import canonical, digest, name_of
from common.records.lifecycle import State
from common.records.repository import Repository

FLAWS_LIMIT = 1_000
"""Flaws that are told one by one."""
_TRIES = 5
_PAGE = 500
_TOGETHER = 200


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a record: `kind` is gap, chain, fold, state, version, head, not_stored or not_logged."""

    record: str
    kind: str
    detail: str

    def document(self) -> dict[str, str]:
        """The form that answers carry."""
        return {"record": self.record, "kind": self.kind, "detail": self.detail}


@dataclass
class Tally:
    """Records and events counted, the digest over all records in the order of ids, and what was found wrong."""

    records: int = 0
    events: int = 0
    flaws: list[Flaw] = field(default_factory=list)
    flawed: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        """SHA-256 over id, version and digest of the state of every record."""
        return f"sha256:{self._hash.hexdigest()}"

    def add(self, identifier: str, version: int, state: bytes) -> None:
        """Count a record; `state` is canonical."""
        self.records += 1
        self._hash.update(f"{identifier}\0{version}\0{hashlib.sha256(state).hexdigest()}\n".encode())

    def blame(self, flaws: Iterable[Flaw]) -> None:
        """Note flaws; beyond `FLAWS_LIMIT` they are only counted."""
        for flaw in flaws:
            self.flawed += 1
            if len(self.flaws) < FLAWS_LIMIT:
                self.flaws.append(flaw)

    def documents(self) -> list[dict[str, str]]:
        """The flaws as documents, with a last one for those that were only counted."""
        shown = [flaw.document() for flaw in self.flaws]
        if self.flawed > len(self.flaws):
            shown.append(Flaw("", "more", f"{self.flawed - len(self.flaws)} further flaws").document())
        return shown


async def verify(repositories: Sequence[Repository], log: EventLog, source: str) -> Tally:
    """Hold the records of a service, whose events have this source, against the log."""
    tally = Tally()
    suspects: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        records = await stack.enter_async_context(contextlib.aclosing(_stored(repositories)))
        histories = await stack.enter_async_context(contextlib.aclosing(_logged(log, source)))
        stored, logged = await anext(records, None), await anext(histories, None)
        while stored is not None or logged is not None:
            if stored is None or (logged is not None and logged[0] < stored[1].id):
                assert logged is not None
                suspects.append(logged[0])
                logged = await anext(histories, None)
                continue
            repository, record = stored
            state = canonical(record.state)
            tally.add(record.id, record.version, state)
            tally.events += record.version
            history: list[Event] = []
            if logged is not None and logged[0] == record.id:
                history = logged[1]
                logged = await anext(histories, None)
            if _flaws(repository, record, state, history):
                suspects.append(record.id)
            stored = await anext(records, None)
    for subject in suspects:
        if tally.flawed >= FLAWS_LIMIT:
            # Thousands of suspects are no race but a damaged store: telling the rest costs more than it says.
            tally.flawed += 1
            continue
        tally.blame(await _examined(repositories, log, source, subject))
    return tally


async def stored_digest(repositories: Sequence[Repository]) -> str:
    """The digest over what is stored now, comparable with that of `rebuild`."""
    tally = Tally()
    async for _, record in _stored(repositories):
        tally.add(record.id, record.version, canonical(record.state))
    return tally.digest


async def rebuild(repositories: Sequence[Repository], log: EventLog, source: str, target: RecordStore) -> Tally:
    """Fold the log of a service into an empty store, whose collections are declared.

    A history that cannot be folded becomes a flaw, and its record is missing in `target`.
    """
    tally = Tally()
    batch: list[tuple[Repository, Record]] = []
    async for subject, history in log.histories(source):
        repository = _owner(repositories, history[0])
        state, flaws = _folded(repository, subject, history) if repository else (None, [_ownerless(subject, history)])
        tally.blame(flaws)
        tally.events += len(history)
        if repository is None or state is None or flaws:
            continue
        tally.add(subject, len(history), canonical(state))
        envelope = {"time": history[-1]["time"], "rid": subject[::-1]}
        batch.append((repository, Record(subject, len(history), digest(history[-1]), state, (), envelope)))
        if len(batch) >= _TOGETHER:
            await _insert(target, batch)
    await _insert(target, batch)
    return tally


async def _insert(target: RecordStore, batch: list[tuple[Repository, Record]]) -> None:
    # Together, so that the store commits them as one group.
    await asyncio.gather(*(target.insert(repository.name, record) for repository, record in batch))
    batch.clear()


async def _examined(repositories: Sequence[Repository], log: EventLog, source: str, subject: str) -> list[Flaw]:
    """The flaws of one record that are there although nobody is changing it."""
    flaws: list[Flaw] = []
    for _ in range(_TRIES):
        repository, record = await _found(repositories, subject)
        history = await _history(log, source, subject)
        if record is None or repository is None:
            flaws = [Flaw(subject, "not_stored", f"the log has {len(history)} events of it, the store has no record")]
        else:
            flaws = _flaws(repository, record, canonical(record.state), history)
        if not flaws:
            return []
        _, now = await _found(repositories, subject)
        if (now and now.version) == (record and record.version):
            return flaws
    return flaws


def _flaws(repository: Repository, record: Record, state: bytes, history: list[Event]) -> list[Flaw]:
    """Hold one record, with what waits in its outbox, against its events in the log."""
    events = _union(history, record.outbox) if record.outbox else history
    if not events:
        return [Flaw(record.id, "not_logged", f"it is at version {record.version}, and the log has no event of it")]
    folded, flaws = _folded(repository, record.id, events)
    if flaws:
        return flaws
    if len(events) != record.version:
        return [Flaw(record.id, "version", f"it is at version {record.version}, its events lead to {len(events)}")]
    if digest(events[-1]) != record.head:
        return [Flaw(record.id, "head", "its last event is not the one that it names")]
    if canonical(folded) != state:
        return [Flaw(record.id, "state", "its state is not what its events lead to")]
    return []


def _folded(repository: Repository, subject: str, events: Sequence[Event]) -> tuple[State | None, list[Flaw]]:
    state: State | None = None
    previous = ""
    for number, event in enumerate(events, 1):
        if event["sequence"] != number:
            return None, [
                Flaw(subject, "gap", f"event {number} is missing; event {event['sequence']} is there instead")
            ]
        if event["prevhash"] != previous:
            return None, [Flaw(subject, "chain", f"event {number} does not follow from the event before it")]
        previous = digest(event)
        try:
            state = repository.lifecycle.fold(state, event)
        except (errors.Conflict, KeyError, TypeError, ValueError, AttributeError) as error:
            return None, [Flaw(subject, "fold", f"event {number} ({name_of(event)}): {error}")]
    return state, []


def _union(history: Sequence[Event], outbox: Sequence[Event]) -> list[Event]:
    found = {event["sequence"]: event for event in outbox}
    found.update({event["sequence"]: event for event in history})
    return [found[number] for number in sorted(found)]


def _owner(repositories: Sequence[Repository], first: Event) -> Repository | None:
    """Whose record begins with this event."""
    return next((one for one in repositories if one.lifecycle.allows(None, name_of(first))), None)


def _ownerless(subject: str, history: Sequence[Event]) -> Flaw:
    return Flaw(subject, "fold", f"no record of this service begins with {name_of(history[0])}")


async def _found(repositories: Sequence[Repository], subject: str) -> tuple[Repository | None, Record | None]:
    for repository in repositories:
        if (record := await repository.find(subject)) is not None:
            return repository, record
    return None, None


async def _history(log: EventLog, source: str, subject: str) -> list[Event]:
    where = And(
        (
            Comparison("record", "=", subject),
            Comparison("kind", "=", "state"),
            Comparison("service", "=", source),
        )
    )
    found: dict[int, tuple[int, Event]] = {}
    after: Moment | None = None
    while True:
        page = await log.query(where=where, newest_first=False, after=after, limit=_PAGE)
        for logged in page:
            number = logged.event["sequence"]
            if number not in found or logged.arrival < found[number][0]:
                found[number] = (logged.arrival, logged.event)
        if len(page) < _PAGE:
            return [found[number][1] for number in sorted(found)]
        after = page[-1].moment


async def _logged(log: EventLog, source: str) -> AsyncGenerator[tuple[str, list[Event]], None]:
    async for subject, history in log.histories(source):
        yield subject, history


async def _stored(repositories: Sequence[Repository]) -> AsyncGenerator[tuple[Repository, Record], None]:
    """The records of all collections in the order of ids."""
    heads: list[tuple[Record, Repository, AsyncIterator[Record]]] = []
    for repository in repositories:
        scan = aiter(repository.store.scan(repository.name))
        if (record := await anext(scan, None)) is not None:
            heads.append((record, repository, scan))
    while heads:
        place = min(range(len(heads)), key=lambda index: heads[index][0].id)
        record, repository, scan = heads[place]
        yield repository, record
        following = await anext(scan, None)
        if following is None:
            del heads[place]
        else:
            heads[place] = (following, repository, scan)
