"""Sessions, records and keys in the record store, and the questions that are asked of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from common import errors, ids, times
from common.contracts.sessions import SessionState
from common.filtering.conditions import And, Comparison, Condition, In
from common.filtering.fields import Field, Fields
from common.filtering.sorting import SortKey
from common.ports.record_store import Collection, Record
from common.records import references
from common.records.repository import Repository
from session_service.model import RecordState

SESSIONS = Collection(
    "sessions",
    indexes=(
        ("state.created",),
        ("state.name",),
        ("state.state", "state.expires"),
        ("state.open_count",),
    ),
    unique=("state.idempotency_key",),
)
RECORDS = Collection("session_records", indexes=(("state.session", "state.created", "state.state"),))
KEYS = Collection("keys")

SESSION_FIELDS: Fields = {
    "id": Field("id"),
    "state": Field("state.state"),
    "name": Field("state.name"),
    "created": Field("state.created", "time"),
    "used": Field("state.used", "time"),
    "expires": Field("state.expires", "time"),
}
RECORD_FIELDS: Fields = {
    "job": Field("job"),
    "kind": Field("kind"),
    "state": Field("state"),
    "training": Field("training"),
    "dataset": Field("dataset"),
    "algorithm": Field("algorithm"),
    "created": Field("created", "time"),
    "ended": Field("ended", "time"),
    "target": Field("summary.target"),
    "task": Field("summary.task"),
    "seconds": Field("summary.seconds", "number"),
    "measures.*": Field("summary.measures.*", "number"),
}
"""Paths of `SessionRecord` documents: these lists are filtered after their summaries are opened."""
_LIVE = (SessionState.open.value, SessionState.committing.value, SessionState.discarding.value)
_CREATED = (SortKey("state.created"),)
_PAGE = 500


def record_id(session: str, job: str) -> str:
    """The id of the record of a job in a session: the same however often the job is reported."""
    return ids.derived_id("rec", session, job)


def experiment_id(session: str, training: str) -> str:
    """The id of the experiment that a training becomes: the same however often that is tried."""
    return ids.derived_id("exp", session, training)


class Sessions:
    """Sessions by what people call them, and those that need work."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def resolve(self, reference: str) -> Record:
        """The session with this id, name or ending. One that has ended has its name until another one takes it.

        Raises `errors.NotFound`, or `errors.AmbiguousReference` with the candidates.
        """
        record = await self.repository.find(reference)
        if record is not None:
            return record
        name = Comparison("state.name", "=", reference)
        if live := await self.repository.page(where=And((name, In("state.state", _LIVE))), limit=10):
            return _single(reference, "open", live)
        try:
            return await references.by_id(self.repository, reference)
        except errors.NotFound:
            if ended := await self.repository.page(where=name, limit=10):
                return _single(reference, "ended", ended)
            raise

    async def by_key(self, fingerprint: str) -> Record | None:
        """The session that was opened with this idempotency key."""
        found = await self.repository.page(where=Comparison("state.idempotency_key", "=", fingerprint), limit=1)
        return found[0] if found else None

    async def ending(self) -> Sequence[Record]:
        """Sessions on their way to being committed, discarded or expired."""
        states = (SessionState.committing.value, SessionState.discarding.value)
        return await self.repository.page(where=In("state.state", states), limit=_PAGE)

    async def overdue(self) -> Sequence[Record]:
        """Open sessions whose time is over."""
        where = And(
            (Comparison("state.state", "=", SessionState.open.value), Comparison("state.expires", "<", times.now()))
        )
        return await self.repository.page(where=where, limit=_PAGE)

    def waiting(self) -> AsyncIterator[Record]:
        """Sessions with open jobs."""
        return _all(self.repository, Comparison("state.open_count", ">", 0), ())


class Records:
    """The records of sessions."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def find(self, session: str, job: str) -> Record | None:
        """The record of a job, whatever became of it."""
        return await self.repository.find(record_id(session, job))

    async def held(self, session: str) -> list[Record]:
        """What the session holds, oldest first."""
        return await self.of(session, RecordState.held)

    async def everything(self, session: str) -> list[Record]:
        """All records that the session ever had, oldest first, without what is sealed."""
        return await self.of(session, *RecordState, without=("sealed",))

    async def of(self, session: str, *states: RecordState, without: tuple[str, ...] = ()) -> list[Record]:
        """The session's records in these states, oldest first."""
        where = And((Comparison("state.session", "=", session), In("state.state", tuple(one.value for one in states))))
        return [record async for record in _all(self.repository, where, _CREATED, without)]

    async def experiments(self, session: str) -> list[str]:
        """The experiments that the session's trainings have become, oldest first."""
        found = await self.of(session, RecordState.committed, without=("sealed",))
        return [record.state["experiment"] for record in found if record.state["kind"] == "training"]

    async def count(self, session: str) -> int:
        """How many records the session holds."""
        where = And((Comparison("state.session", "=", session), Comparison("state.state", "=", RecordState.held.value)))
        return await self.repository.store.count(self.repository.name, where)


async def _all(
    repository: Repository, where: Condition, sort: tuple[SortKey, ...], without: tuple[str, ...] = ()
) -> AsyncIterator[Record]:
    after: Any = None
    while True:
        page = await repository.page(where=where, sort=sort, after=after, limit=_PAGE, without=without)
        for record in page:
            yield record
        if len(page) < _PAGE:
            return
        after = page[-1].place(sort)


def _single(name: str, state: str, found: Sequence[Record]) -> Record:
    if len(found) > 1:
        raise errors.AmbiguousReference(
            f"{len(found)} {state} sessions are called {name!r}; write the ending of an id",
            extra={"candidates": [one.id for one in found]},
        )
    return found[0]
