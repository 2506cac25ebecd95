"""The commit of a session: its results become experiments, all of them or none, whatever is killed on the way.

1. The commit is decided (`session.commit_started`).
2. Each training with its evaluations is sealed again under a key of its own and stored, invisible.
3. The commit is sealed: this one write makes all of them visible.
4. Jobs and records let go of what the experiments have.
5. The session says so; a whole commit destroys its key before.

Every step may be repeated. Until 3 it can fail, and the session is open again; after 3 it can only be finished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import context, errors, logging
from common.concurrency import each, slices
from common.contracts.sessions import SessionState
from common.ports.record_store import Record
from common.records.repository import Decision
from common.records.sealing import DataKey
from common.runtime import Runtime
from session_service import model
from session_service.clients import Jobs, Storage
from session_service.keys import Keys
from session_service.model import RecordState
from session_service.repository import Records, Sessions, experiment_id
from session_service.resealing import Resealing

_TOGETHER = 50
"""Records that are sealed again and stored together; while one such portion is stored, the next is sealed."""
_LEAVING = 200
"""Experiments whose jobs and records let go together."""
_log = logging.logger("commitment")


@dataclass(frozen=True)
class Batch:
    """One training with its evaluations, on their way into one experiment."""

    experiment: str
    training: Record
    evaluations: tuple[Record, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them."""
        return (*self.evaluations, self.training)


def batches(session: str, records: Iterable[Record], chosen: Callable[[str], bool]) -> list[Batch]:
    """The records sorted into experiments, of the `chosen` trainings."""
    trainings: list[Record] = []
    evaluations: dict[str, list[Record]] = {}
    for record in records:
        if record.state["kind"] == "evaluation":
            evaluations.setdefault(record.state["training"], []).append(record)
        elif chosen(record.state["job"]):
            trainings.append(record)
    return [
        Batch(experiment_id(session, job), record, tuple(evaluations.get(job, ())))
        for record in trainings
        for job in (record.state["job"],)
    ]


def _portions(work: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Batches of `_TOGETHER` records in all, or one that has more by itself."""
    some: list[Batch] = []
    size = 0
    for batch in work:
        if some and size + len(batch.records) > _TOGETHER:
            yield some
            some, size = [], 0
        some.append(batch)
        size += len(batch.records)
    if some:
        yield some


class Commitment:
    """Carries commits that were decided to their end."""

    def __init__(
        self, runtime: Runtime, *, sessions: Sessions, records: Records, keys: Keys, jobs: Jobs, storage: Storage
    ) -> None:
        self._runtime, self._sessions, self._records, self.keys = runtime, sessions, records, keys
        self._jobs, self._storage = jobs, storage

    async def proceed(self, session: Record) -> None:
        """Take the session from `committing` to its end. Raises `errors.AutoLearnError` when that has to wait."""
        commit = session.state["commit"]
        with context.use(context.resumed(commit["trace_id"], actor=commit["actor"], causation=session.id)):
            # The session takes no jobs while it commits, so what it holds is the same at every attempt.
            there = await self._records.of(session.id, RecordState.held, RecordState.committed, without=("sealed",))
            mine = [r for r in there if r.state.get("commit", commit["id"]) == commit["id"]]
            work = await asyncio.to_thread(batches, session.id, mine, model.choice(commit))
            try:
                await self._store(session, work)
            except errors.AutoLearnError as error:
                if error.retryable:
                    raise
                await self._fail(session, error)
                return
            try:
                await self._storage.seal(commit["id"])
            except errors.Conflict as error:  # refused, so nothing is visible; after any other error it may be
                await self._fail(session, error)
                return
            for some in slices(work, _LEAVING):
                await self._let_go(some, commit["id"])
            await self._end(session, len(work))

    async def _store(self, session: Record, work: Sequence[Batch]) -> None:
        commit = session.state["commit"]
        opening = await self._storage.open(
            commit["id"], session=session.id, expected=len(work), committed=commit["started"]
        )
        if opening.sealed:
            return
        key = await self.keys.get(session.id)
        token = session.state.get("sealed", {}).get("tags")
        tags = key.open(session.id, "tags", token) if token else []
        resealing = Resealing(self._runtime.blobs, key, commit["id"])
        place = {"session": session.id, "committed": commit["started"]}

        async def store(some: list[Batch]) -> None:
            states = await self._jobs.fetch(record.state["job"] for batch in some for record in batch.records)
            targets: dict[str, DataKey] = {}

            async def make_key(batch: Batch) -> None:
                targets[batch.experiment] = await self.keys.create(batch.experiment)

            await each(some, make_key)
            documents: dict[str, Mapping[str, Any]] = {}
            for batch in some:
                training, target = batch.training.state["job"], targets[batch.experiment]
                evaluations = [(job, states[job]) for job in (one.state["job"] for one in batch.evaluations)]
                document = await resealing.experiment(target, training, states[training], evaluations, tags)
                documents[batch.experiment] = {**document, **place}

            await self._storage.store(commit["id"], documents)

        missing = [batch for batch in work if batch.experiment not in opening.stored]
        await each(_portions(missing), store, at_once=2)

    async def _let_go(self, some: Sequence[Batch], commit: str) -> None:
        leaving = {
            record.id: (record.state["job"], batch.experiment)
            for batch in some
            for record in batch.records
            if record.state["state"] == RecordState.held
        }
        await self._jobs.commit(dict(leaving.values()))

        async def leave(record: str) -> None:
            data = {"commit": commit, "experiment": leaving[record][1]}

            def decide(now: Record) -> Decision | None:
                return Decision("session.record_committed", data) if now.state["state"] == RecordState.held else None

            await self._records.repository.decide(record, decide)

        await each(leaving, leave)

    async def _end(self, session: Record, count: int) -> None:
        commit = session.state["commit"]
        partial = "records" in commit
        if not partial:
            # They have failed: nothing of them can be read without the session's key.
            left = [job["id"] async for job in self._jobs.of_session(session.id) if not job.get("experiment")]
            await self._jobs.remove(left, "committed")
            await self.keys.destroy(session.id)
            await self._runtime.ring("key.destroyed", owner=session.id)

        def decide(record: Record) -> Decision | None:
            if not _under(record, commit):
                return None
            return Decision("session.committed", {"count": count, "partial": partial})

        await self._sessions.repository.decide(session.id, decide)
        await self._runtime.ring("session.changed", session=session.id)

    async def _fail(self, session: Record, error: errors.AutoLearnError) -> None:
        """It cannot be stored, and trying again would not help: nothing has become visible, the session goes on."""
        _log.error("commit failed", session=session.id, code=error.code, error=error.detail)
        commit = session.state["commit"]

        def decide(record: Record) -> Decision | None:
            if not _under(record, commit):
                return None
            data = {"commit": commit["id"], "code": error.code, "detail": error.detail}
            return Decision("session.commit_failed", data)

        await self._sessions.repository.decide(session.id, decide)
        await self._runtime.ring("session.changed", session=session.id)


def _under(record: Record, commit: Mapping[str, Any]) -> bool:
    return bool(record.state["state"] == SessionState.committing and record.state["commit"]["id"] == commit["id"])
