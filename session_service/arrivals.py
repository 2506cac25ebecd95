"""Ended jobs arriving in their session: the record is added, then the reservation is released.

Bells bring most of them at once; the reconciliation asks after the rest, so a lost bell costs time and not a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common import context, errors, logging, times
from common.contracts.jobs import JobState
from common.contracts.sessions import SessionState
from common.ports.record_store import Record
from common.records.repository import Decision
from common.runtime import Runtime
from session_service.clients import Jobs, kind_of
from session_service.model import RecordState
from session_service.repository import Records, Sessions, record_id

_PLAIN = ("state", "training", "dataset", "dataset_id", "algorithm", "created", "started", "ended", "trace_id")
_TERMINAL = (JobState.succeeded, JobState.failed, JobState.cancelled)
_log = logging.logger("arrivals")


class Arrivals:
    """Takes ended jobs in. Everything may be repeated at any time."""

    def __init__(self, runtime: Runtime, sessions: Sessions, records: Records, jobs: Jobs) -> None:
        self._runtime, self._sessions, self._records, self._jobs = runtime, sessions, records, jobs

    async def ended(self, job: str) -> None:
        """The job has ended, somebody says: take its result in, if that is so."""
        state = await self._jobs.get(job)
        if state["state"] not in _TERMINAL:
            return
        with context.use(context.resumed(state["trace_id"], causation=job)):
            await self._arrive(job, state)

    async def _arrive(self, job: str, state: Mapping[str, Any]) -> None:
        session = await self._sessions.repository.find(state["session"])
        if session is None:
            _log.warning("job of an unknown session", job=job)
            return
        match session.state["state"]:
            case SessionState.open:
                taken = await self._take(session.id, job, state)
            case SessionState.committing | SessionState.discarding:
                taken = False  # one that commits has no open jobs, and of one that is discarded nothing stays
            case closed:
                await self._remove(job, state, str(closed))
                return
        await self.release(session.id, job, recorded=taken)

    async def release(self, session: str, job: str, *, recorded: bool = False) -> Record:
        """The job no longer keeps the session busy."""

        def decide(record: Record) -> Decision | None:
            if job not in record.state["open_jobs"]:
                return None
            data: dict[str, Any] = {"job": job, "recorded": recorded}
            if record.state["state"] == SessionState.open:
                data |= touched(record.state)
            return Decision("session.job_released", data)

        record = await self._sessions.repository.decide(session, decide)
        await self._runtime.ring("session.changed", session=session)
        if record.state["state"] == SessionState.discarding and not record.state["open_jobs"]:
            await self._runtime.ring("session.ending", session=session)
        return record

    async def reconcile(self, session: Record) -> None:
        """Ask after all open jobs of a session; reservations that never became a job go after a while."""
        states = await self._jobs.states(session.state["open_jobs"])
        abandoned = times.later(times.now(), -self._runtime.settings.reservation)
        for job, state in states.items():
            if state in _TERMINAL:
                await self.ended(job)
            elif state is None and session.state["open_jobs"][job]["since"] < abandoned:
                await self.release(session.id, job)

    async def reconcile_all(self) -> None:
        """`reconcile` for every session with open jobs; one that fails does not hold up the others."""
        async for session in self._sessions.waiting():
            try:
                await self.reconcile(session)
            except errors.AutoLearnError as error:
                _log.warning("session not reconciled", session=session.id, error=error.detail)

    async def _take(self, session: str, job: str, state: Mapping[str, Any]) -> bool:
        """Add the record of a job that succeeded; whether the session has it now.

        Of a search there is none: its trials have theirs.
        """
        if state["state"] != JobState.succeeded or state.get("experiment") or kind_of(job) == "search":
            return False
        if state.get("removed"):  # its removal was interrupted before its record went
            await self.drop(session, job)
            return False
        training = state.get("training")
        if training and not await self._holds(session, training):
            await self._jobs.remove([job], "dropped")
            return False
        data = {name: state[name] for name in _PLAIN if state.get(name) is not None}
        data |= {"session": session, "job": job, "kind": kind_of(job), "recorded": times.now()}
        # The state of the record is its own; how the job ended is told beside it.
        data["outcome"] = data.pop("state")
        record = await self._records.repository.ensure(
            record_id(session, job), "session.record_added", {**data, "sealed": {"summary": state["sealed"]["summary"]}}
        )
        return bool(record.state["state"] == RecordState.held)

    async def drop(self, session: str, job: str) -> None:
        """The record of a job goes, if there is one."""

        def decide(record: Record) -> Decision | None:
            return Decision("session.record_dropped") if record.state["state"] == RecordState.held else None

        if await self._records.find(session, job) is not None:
            await self._records.repository.decide(record_id(session, job), decide)

    async def _holds(self, session: str, training: str) -> bool:
        """Whether the session has the training; an evaluation may be quicker than the bell of its training."""
        record = await self._records.find(session, training)
        if record is None:
            await self.ended(training)
            record = await self._records.find(session, training)
        return record is not None and record.state["state"] == RecordState.held

    async def _remove(self, job: str, state: Mapping[str, Any], reason: str) -> None:
        """A result for a session that is closed: nobody can read it any more."""
        if not state.get("experiment") and not state.get("removed"):
            await self._jobs.remove([job], reason)


def touched(state: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event by which a session is used: it lives on from now, never shorter than was promised."""
    now = times.now()
    return {"used": now, "expires": max(state["expires"], times.later(now, state["life"]))}
