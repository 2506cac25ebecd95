"""The end of a session that is not committed: its open jobs are cancelled, its key is destroyed, its jobs are emptied.

Discarding and expiring are the same work under two names. Every step may be repeated.
"""

from __future__ import annotations

import contextlib

from common import context, errors, logging
from common.concurrency import each
from common.contracts.jobs import JobState
from common.contracts.sessions import SessionState
from common.ports.record_store import Record
from common.records.repository import Decision
from common.runtime import Runtime
from session_service.arrivals import Arrivals
from session_service.clients import Jobs
from session_service.keys import Keys
from session_service.model import RecordState
from session_service.repository import Records, Sessions, experiment_id

_LIVE = (JobState.queued, JobState.running)
_log = logging.logger("erasure")


class Erasure:
    """Carries discarded and expired sessions to their end."""

    def __init__(
        self, runtime: Runtime, *, sessions: Sessions, records: Records, keys: Keys, jobs: Jobs, arrivals: Arrivals
    ) -> None:
        self._runtime, self._sessions, self._records, self._keys = runtime, sessions, records, keys
        self._jobs, self._arrivals = jobs, arrivals

    async def begin(self, identifier: str, reason: SessionState) -> Record:
        """The session takes no more jobs and ends as `discarded` or `expired`. No-op when that is so already.

        Raises `errors.SessionBusy` while it is being committed, `errors.SessionClosed` when it ended otherwise.
        """

        def decide(record: Record) -> Decision | None:
            match record.state["state"]:
                case SessionState.open:
                    cause = context.current()
                    data = {"reason": reason.value, "trace_id": cause.trace_id, "actor": cause.actor}
                    return Decision("session.discard_started", data)
                case SessionState.committing:
                    raise errors.SessionBusy(f"session {record.id} is being committed; wait until that is done")
                case SessionState.committed:
                    raise errors.SessionClosed(f"session {record.id} is committed and cannot be discarded")
            return None

        record = await self._sessions.repository.decide(identifier, decide)
        await self._runtime.ring("session.ending", session=identifier)
        return record

    async def proceed(self, session: Record) -> None:
        """Take the session from `discarding` as far as it goes; its jobs need their time to stop."""
        state = session.state
        with context.use(context.resumed(state["trace_id"], actor=state["actor"], causation=session.id)):
            await self._proceed(session)

    async def _proceed(self, session: Record) -> None:
        states = await self._jobs.states(session.state["open_jobs"])
        for job, state in states.items():
            if state in _LIVE:
                await self._jobs.cancel(job)
            elif state != JobState.cancelling:
                session = await self._arrivals.release(session.id, job)
        if session.state["open_jobs"]:
            session = await self._sessions.repository.get(session.id)
        if not session.state["open_jobs"]:
            await self._finish(session)

    async def _finish(self, session: Record) -> None:
        reason = session.state["reason"]
        held = await self._records.of(session.id, RecordState.held, without=("sealed",))
        await each(held, self.forget_experiment)
        await self._destroy(session.id)
        going = [job["id"] async for job in self._jobs.of_session(session.id) if not job.get("experiment")]
        # A job that was made after its reservation had been given up still runs: it ends without its key.
        with contextlib.suppress(errors.Conflict):
            await self._jobs.remove(going, reason)

        def decide(record: Record) -> Decision | None:
            if record.state["state"] != SessionState.discarding:
                return None
            return Decision(f"session.{reason}")

        await self._sessions.repository.decide(session.id, decide)
        await self._runtime.ring("session.changed", session=session.id)
        _log.info("session erased", session=session.id, reason=reason)

    async def forget_experiment(self, record: Record) -> None:
        """What a commit that failed may have stored of a training, invisible, under a key of its own, goes too."""
        if record.state["kind"] == "training":
            await self._destroy(experiment_id(record.state["session"], record.state["job"]))

    async def _destroy(self, owner: str) -> None:
        if await self._keys.destroy(owner):
            await self._runtime.ring("key.destroyed", owner=owner)
