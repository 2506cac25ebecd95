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
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from common import context, errors, logging
from common.contracts.sessions import SessionState
from common.ports.record_store import Record
from common.records.repository import Decision
from common.runtime import Runtime
from session_service.clients import Jobs, Storage
from session_service.keys import Keys
from session_service.model import RecordState
from session_service.repository import Records, Sessions, experiment_id
from session_service.resealing import Resealing

_AT_ONCE = 8
_log = logging.logger("commitment")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """One training with its evaluations, on their way into one experiment."""

    experiment: str
    training: Record
    evaluations: tuple[Record, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them; the training is the last to let go."""
        return (*self.evaluations, self.training)


def batches(session: str, records: Iterable[Record], chosen: Collection[str] | None) -> list[Batch]:
    """The records sorted into experiments; only the `chosen` trainings, if told."""
    trainings: list[Record] = []
    evaluations: dict[str, list[Record]] = {}
    for record in records:
        if record.state["kind"] == "evaluation":
            evaluations.setdefault(record.state["training"], []).append(record)
        elif chosen is None or record.state["job"] in chosen:
            trainings.append(record)
    return [
        Batch(experiment_id(session, job), record, tuple(evaluations.get(job, ())))
        for record in trainings
        for job in (record.state["job"],)
    ]


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
            there = await self._records.of(session.id, RecordState.held, RecordState.committed)
            mine = [r for r in there if r.state.get("commit", commit["id"]) == commit["id"]]
            work = batches(session.id, mine, _chosen(commit))
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
            await _each(work, lambda batch: self._let_go(batch, commit["id"]))
            await self._end(session, [batch.experiment for batch in work])

    async def _store(self, session: Record, work: Sequence[Batch]) -> None:
        commit = session.state["commit"]
        state = await self._storage.open(
            commit["id"], session=session.id, expected=len(work), committed=commit["started"]
        )
        if state == "sealed":
            return
        key = await self.keys.get(session.id)
        token = session.state.get("sealed", {}).get("tags")
        tags = key.open(session.id, "tags", token) if token else []
        resealing = Resealing(self._runtime.blobs, key, commit["id"])

        async def store(batch: Batch) -> None:
            target = await self.keys.create(batch.experiment)
            training = await self._jobs.get(batch.training.state["job"])
            evaluations = [(one.state["job"], await self._jobs.get(one.state["job"])) for one in batch.evaluations]
            document = await resealing.experiment(target, batch.training.state["job"], training, evaluations, tags)
            place = {"commit": commit["id"], "session": session.id, "committed": commit["started"]}
            await self._storage.put(batch.experiment, {**document, **place})

        await _each(work, store)

    async def _let_go(self, batch: Batch, commit: str) -> None:
        for record in batch.records:
            if record.state["state"] == RecordState.committed:
                continue
            await self._jobs.commit(record.state["job"], batch.experiment)

            def decide(now: Record) -> Decision | None:
                if now.state["state"] != RecordState.held:
                    return None
                return Decision("session.record_committed", {"commit": commit, "experiment": batch.experiment})

            await self._records.repository.decide(record.id, decide)

    async def _end(self, session: Record, experiments: Sequence[str]) -> None:
        commit = session.state["commit"]
        partial = "records" in commit
        if not partial:
            async for job in self._jobs.of_session(session.id):
                if not job.get("experiment"):  # it has failed: nothing of it can be read without the session's key
                    await self._jobs.remove(job["id"], "committed")
            await self.keys.destroy(session.id)
            await self._runtime.ring("key.destroyed", owner=session.id)

        def decide(record: Record) -> Decision | None:
            if not _under(record, commit):
                return None
            return Decision("session.committed", {"experiments": list(experiments), "partial": partial})

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


def _chosen(commit: Mapping[str, Any]) -> frozenset[str] | None:
    return frozenset(commit["records"]) if "records" in commit else None


def _under(record: Record, commit: Mapping[str, Any]) -> bool:
    return bool(record.state["state"] == SessionState.committing and record.state["commit"]["id"] == commit["id"])


async def _each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """`work` on every item, a few at a time; the first error stops the rest and is raised."""
    waiting = iter(items)

    async def take() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(take())
    except BaseExceptionGroup as found:
        raise found.exceptions[0] from found
