"""Verification: every stored record equals the fold of its events; and rebuilding records from the log alone.

Events of the log and records of the store are joined in the order of their ids as they come, so memory is bounded by a
batch of each. Both change meanwhile, and the log is read ahead of the store; so whatever does not fit in the stream is
only a suspect, and is looked at again alone, record first: an event leaves an outbox only when the log has it.

Texts are hashed as they are stored, and encoded again only where that does not give the expected digest: an adapter may
keep another form than the canonical one; a text that has the digest is canonical. A thread works on batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Sequence

from common import errors
from common.ports.event_log import Event, EventLog
from common.ports.record_store import Collection, Record, RecordStore, StoredText
from common.records.event import canonical, decoded, digest, digest_of_text, name_of
from common.records.lifecycle import State
from common.records.repository import Repository
from common.records.streams import Stream
from common.records.tally import FLAWS_LIMIT, Flaw, Tally

_TRIES = 5
_TOGETHER = 500


async def verify(repositories: Sequence[Repository], log: EventLog, source: str) -> Tally:
    """Hold the records of a service, whose events have this source, against the log."""
    tally = Tally()
    suspects: list[str] = []
    histories = Stream(log.texts(source))
    shelves = [(one, Stream(one.store.texts(one.name))) for one in repositories]
    try:
        more = True
        while more:
            await histories.fill()
            for _, records in shelves:
                await records.fill()
            more = await asyncio.to_thread(_join, tally, suspects, histories, shelves)
    finally:
        await histories.close()
        for _, records in shelves:
            await records.close()
    for subject in suspects:
        if tally.flawed >= FLAWS_LIMIT:
            # Thousands of suspects are no race but a damaged store: telling the rest costs more than it says.
            tally.flawed += 1
            continue
        tally.blame(await _examined(repositories, log, source, subject))
    return tally


def _join(
    tally: Tally,
    suspects: list[str],
    histories: Stream[tuple[str, list[str]]],
    shelves: Sequence[tuple[Repository, Stream[StoredText]]],
) -> bool:
    """Compare records with histories, in the order of ids, as far as what was read reaches; False at the end of all."""
    while not histories.starving and not any(records.starving for _, records in shelves):
        logged = histories.head
        stored: StoredText | None = None
        for owner, records in shelves:
            if records.head is not None and (stored is None or records.head.id < stored.id):
                repository, shelf, stored = owner, records, records.head
        if stored is None and logged is None:
            return False
        if stored is None or (logged is not None and logged[0] < stored.id):
            suspects.append(histories.take()[0])
            continue
        shelf.take()
        history = histories.take()[1] if logged is not None and logged[0] == stored.id else []
        state = stored.state.encode()
        if stored.outbox or not _as_folded(repository, stored, state, history):
            state = canonical(json.loads(stored.state))
            record = Record(stored.id, stored.version, stored.head, json.loads(state), stored.outbox)
            if _flaws(repository, record, state, [json.loads(text) for text in history]):
                suspects.append(stored.id)
        tally.add(stored.id, stored.version, state)
        tally.events += stored.version
    return True


def _as_folded(repository: Repository, stored: StoredText, state: bytes, history: Sequence[str]) -> bool:
    """Whether a record is beyond doubt: its texts have the digests that are expected, and fold to its state."""
    links = [(decoded(text), digest_of_text(text)) for text in history]
    folded, flaws = _folded(repository, stored.id, links)
    return (
        not flaws
        and len(links) == stored.version
        and bool(links)
        and links[-1][1] == stored.head
        and canonical(folded) == state
    )


async def stored_digest(repositories: Sequence[Repository]) -> str:
    """The digest over what is stored now, comparable with that of `rebuild`."""
    tally = Tally()
    shelves = [Stream(one.store.texts(one.name)) for one in repositories]
    more = True
    while more:
        for records in shelves:
            await records.fill()
        more = await asyncio.to_thread(_count, tally, shelves)
    return tally.digest


def _count(tally: Tally, shelves: Sequence[Stream[StoredText]]) -> bool:
    """Count records in the order of ids as far as what was read reaches; False at the end of all."""
    while not any(records.starving for records in shelves):
        waiting = [records for records in shelves if records.head is not None]
        if not waiting:
            return False
        stored = min(waiting, key=lambda records: records.head.id if records.head else "").take()
        tally.add(stored.id, stored.version, canonical(json.loads(stored.state)))
    return True


async def rebuild(repositories: Sequence[Repository], log: EventLog, source: str, target: RecordStore) -> Tally:
    """Fold the log of a service into a store that has none of its records yet, and declare its collections there.

    A history that cannot be folded becomes a flaw, and its record is missing in `target`.
    """
    tally = Tally()
    # Indexes come last: built at once they cost a third of what they cost record by record.
    await target.ensure(*(Collection(repository.name) for repository in repositories))
    made: dict[str, list[Record]] = {repository.name: [] for repository in repositories}
    async with contextlib.aclosing(_Inserting(target)) as inserting:
        async for batch in log.texts(source):
            await asyncio.to_thread(_make, made, tally, repositories, batch)
            for name in made:
                if len(made[name]) >= _TOGETHER:
                    await inserting.next(name, made[name])
                    made[name] = []
        for name, records in made.items():
            await inserting.next(name, records)
        await inserting.done()
    await target.ensure(*(repository.collection for repository in repositories))
    return tally


class _Inserting:
    """Inserts records while the next ones are made, a lot at a time: the disk and the processor work side by side."""

    def __init__(self, target: RecordStore) -> None:
        self._target = target
        self._running: asyncio.Task[None] | None = None

    async def next(self, collection: str, records: Sequence[Record]) -> None:
        """Begin with these when those before are in; raises what was wrong with those."""
        await self.done()
        self._running = asyncio.create_task(self._target.insert_many(collection, records))

    async def done(self) -> None:
        """All are in."""
        running, self._running = self._running, None
        if running is not None:
            await running

    async def aclose(self) -> None:
        """Wait for what runs, whose outcome matters no more."""
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)


def _make(
    made: dict[str, list[Record]],
    tally: Tally,
    repositories: Sequence[Repository],
    batch: Sequence[tuple[str, list[str]]],
) -> None:
    """Add the records that histories lead to, by collection."""
    for subject, history in batch:
        links = [(decoded(text), digest_of_text(text)) for text in history]
        tally.events += len(links)
        repository = _owner(repositories, links[0][0])
        if repository is None:
            tally.blame([_ownerless(subject, links[0][0])])
            continue
        state, flaws = _folded(repository, subject, links)
        if flaws:  # of the texts perhaps only: they need not be canonical
            links = _linked([event for event, _ in links])
            state, flaws = _folded(repository, subject, links)
        tally.blame(flaws)
        if state is None or flaws:
            continue
        last, head = links[-1]
        tally.add(subject, len(links), canonical(state))
        envelope = {"time": last["time"], "rid": subject[::-1]}
        made[repository.name].append(Record(subject, len(links), head, state, (), envelope))


async def _examined(repositories: Sequence[Repository], log: EventLog, source: str, subject: str) -> list[Flaw]:
    """The flaws of one record that are there although nobody is changing it."""
    flaws: list[Flaw] = []
    for _ in range(_TRIES):
        repository, record = await _found(repositories, subject)
        history = await log.history(source, subject)
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
    links = _linked(events)
    folded, flaws = _folded(repository, record.id, links)
    if flaws:
        return flaws
    if len(events) != record.version:
        return [Flaw(record.id, "version", f"it is at version {record.version}, its events lead to {len(events)}")]
    if links[-1][1] != record.head:
        return [Flaw(record.id, "head", "its last event is not the one that it names")]
    if canonical(folded) != state:
        return [Flaw(record.id, "state", "its state is not what its events lead to")]
    return []


def _linked(events: Iterable[Event]) -> list[tuple[Event, str]]:
    return [(event, digest(event)) for event in events]


def _folded(
    repository: Repository, subject: str, links: Sequence[tuple[Event, str]]
) -> tuple[State | None, list[Flaw]]:
    """What events with their digests lead to, or what is wrong with them."""
    state: State | None = None
    previous = ""
    for number, (event, found) in enumerate(links, 1):
        if event["sequence"] != number:
            return None, [
                Flaw(subject, "gap", f"event {number} is missing; event {event['sequence']} is there instead")
            ]
        if event["prevhash"] != previous:
            return None, [Flaw(subject, "chain", f"event {number} does not follow from the event before it")]
        previous = found
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


def _ownerless(subject: str, first: Event) -> Flaw:
    return Flaw(subject, "fold", f"no record of this service begins with {name_of(first)}")


async def _found(repositories: Sequence[Repository], subject: str) -> tuple[Repository | None, Record | None]:
    for repository in repositories:
        if (record := await repository.find(subject)) is not None:
            return repository, record
    return None, None
