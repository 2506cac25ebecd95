"""Claims: a compare-and-set on the record of a job, with a lease in its envelope."""

from __future__ import annotations

import base64
import contextlib
import secrets
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import context, errors, logging, times
from common.contracts.jobs import JobState
from common.jobs import repository
from common.jobs.handlers import JobHandlers
from common.jobs.model import attempts_used
from common.ports.record_store import Record
from common.ports.task_runner import Problem
from common.records.repository import Decision
from common.records.sealing import DataKey

RELEASED: Mapping[str, Any] = {"lease": None, "progress": None, "output": None}
"""What the envelope of a job loses with the end of an attempt."""
_log = logging.logger("task_worker")


@dataclass(frozen=True)
class Attempt:
    """A job that was claimed: the record as it was written then, and what its worker needs to keep it."""

    record: Record
    number: int
    token: str
    key: DataKey
    secret: bytes

    def blob(self, kind: str, name: str) -> str:
        """The name of a blob that this attempt writes."""
        return f"{kind}/{self.record.id}/{self.number}/{name}"


class Claims:
    """Takes jobs of one kind for a worker, or ends them where there is nothing left to do."""

    def __init__(self, handlers: JobHandlers) -> None:
        self._handlers, self._runtime = handlers, handlers.runtime
        self._abandoned_at = 0.0  # when those are looked for next; a bell never tells of one

    async def next(self, running: Container[str]) -> Attempt | None:
        """Claim the oldest job that can be, and is not `running` here already; None if there is none now.

        Jobs whose worker is lost come first, and are looked for once in each sweep.
        """
        try:
            found = [*await self._abandoned(), *await repository.waiting(self._handlers.jobs)]
        except errors.AutoLearnError as error:
            _log.warning("store is away, nothing claimed", error=error.detail)
            return None
        for record in found:
            if record.id in running:
                continue
            try:
                if claimed := await self._try(record):
                    return claimed
            except errors.AutoLearnError as error:  # one that cannot be claimed must not hold up those behind it
                _log.warning("job not claimed", job=record.id, error=error.detail)
        return None

    async def _abandoned(self) -> Sequence[Record]:
        now = time.monotonic()
        if now < self._abandoned_at:
            return ()
        found = await repository.abandoned(
            self._handlers.jobs, instance=self._runtime.instance, exclusive=self._runtime.mode == "embedded"
        )
        if not found:  # else there may be more of them, and somebody has waited for them for long
            self._abandoned_at = now + self._runtime.settings.sweep
        return found

    async def _try(self, record: Record) -> Attempt | None:
        kind, settings = self._handlers.kind, self._runtime.settings
        trace = f"00-{record.state['trace_id']}-{secrets.token_hex(8)}-01"
        with (
            context.use(context.from_traceparent(trace, causation=record.id)),
            contextlib.suppress(errors.VersionConflict),
        ):
            if record.state["state"] == JobState.cancelling:
                await self._handlers.finished(
                    await self._handlers.jobs.append(
                        record, Decision(f"{kind}.cancelled", {"ended": times.now()}, RELEASED)
                    )
                )
                return None
            try:
                key = await self._handlers.keys.get(record.state["session"])
            except errors.Gone:  # so there is no key to say why under
                await self._fail(record, {})
                return None
            if attempts_used(record.state) >= settings.attempts:
                problem = Problem("worker_killed", "its process went away at every attempt")
                await self._fail(record, {"problem": key.seal(record.id, "problem", problem.document())})
                return None
            if record.state["state"] == JobState.running:
                # Its worker is gone without a word: that attempt is over before another begins.
                record = await self._handlers.jobs.append(
                    record, Decision(f"{kind}.attempt_failed", {"reason": "worker_lost"}, RELEASED)
                )
            number, token, secret = record.state["attempt"] + 1, secrets.token_hex(8), secrets.token_bytes(32)
            sealed = key.seal(record.id, "attempt_key", base64.b64encode(secret).decode())
            lease = {
                "holder": self._runtime.instance,
                "until": times.later(times.now(), settings.lease),
                "token": token,
            }
            started = {"attempt": number, "started": times.now(), "sealed": {"attempt_key": sealed}}
            record = await self._handlers.jobs.append(
                record, Decision(f"{kind}.started", started, {"lease": lease, "progress": None, "output": None})
            )
            self._runtime.notifier.ring(record.id)
            return Attempt(record, number, token, key, secret)
        return None

    async def _fail(self, record: Record, sealed: Mapping[str, str]) -> None:
        data = {"ended": times.now(), "sealed": dict(sealed)}
        failed = await self._handlers.jobs.append(record, Decision(f"{self._handlers.kind}.failed", data, RELEASED))
        await self._handlers.finished(failed)
