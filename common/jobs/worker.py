"""The task worker: claims the oldest job when a slot is free, runs it in a child process, writes down how it ended.

Whoever writes the end of a job must still hold the lease of its attempt, so a worker that was frozen for a minute and
thawed cannot overwrite what its successor did.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common import context, errors, logging, times
from common.contracts.jobs import JobState
from common.jobs.claiming import RELEASED, Attempt, Claims
from common.jobs.handlers import JobHandlers
from common.jobs.model import attempts_used
from common.jobs.outages import Outages
from common.jobs.telling import Telling
from common.ports.record_store import Record
from common.ports.task_runner import (
    Limits,
    OutcomeKind,
    Problem,
    SealedInput,
    TaskOutcome,
    TaskSpec,
)
from common.records import sealed_blobs
from common.records.repository import Decision
from common.records.sealing import DataKey
from common.service import Loop
from common.workers.loops import kept

_log = logging.logger("task_worker")


@dataclass(frozen=True)
class Work:
    """What a job needs to run: the request of its function, its inputs by name, and what it writes sealed."""

    request: Mapping[str, Any] = field(repr=False)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    sealed_inputs: Mapping[str, SealedInput] = field(default_factory=dict)
    sealed_outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """What an attempt leaves: its result, the form of it that the record holds, and the names of its blobs."""

    result: Mapping[str, Any] = field(repr=False)
    stored: Mapping[str, Any] = field(repr=False)
    blobs: Mapping[str, str]


Prepare = Callable[[Record, DataKey, Mapping[str, Any]], AbstractAsyncContextManager[Work]]
"""What a job needs, by its record, the key of its session and its request."""
Summarise = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


class TaskWorker:
    """Runs the jobs of one kind; `prepare` says what one needs, `summarise` what of (request, result) lists show."""

    def __init__(self, handlers: JobHandlers, *, function: str, prepare: Prepare, summarise: Summarise) -> None:
        self._handlers, self._runtime = handlers, handlers.runtime
        self._function, self._prepare, self._summarise = function, prepare, summarise
        self._claims, self._outages = Claims(handlers), Outages(handlers)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rung = asyncio.Event()

    async def run(self) -> None:
        """Claim and run until cancelled; then what runs is left to end for `drain` seconds."""
        loops: Mapping[str, Loop] = {"bells": self._listen, "cancelled": self._mind_cancelled}
        beside = [asyncio.create_task(kept(f"{self._handlers.kind}.{name}", loop)) for name, loop in loops.items()]
        try:
            while True:
                await self._runtime.slots.acquire()
                try:
                    claimed = await self._claims.next(self._running)
                except BaseException:  # a cancellation too must not keep the slot
                    self._runtime.slots.release()
                    raise
                if claimed is None:
                    self._runtime.slots.release()
                    await self._rest()
                else:
                    job = claimed.record.id
                    task = asyncio.create_task(self._attempt(claimed), name=job)
                    self._running[job] = task
                    task.add_done_callback(functools.partial(self._over, job))
        finally:
            for one in beside:
                one.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._drain()

    def _over(self, job: str, _: asyncio.Task[None]) -> None:
        self._running.pop(job, None)
        self._runtime.slots.release()
        self._rung.set()

    async def _drain(self) -> None:
        """Let what runs end; what does not in time goes back to the queue, to be run at the next start."""
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=self._runtime.settings.drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _listen(self) -> None:
        kinds = [f"{self._handlers.kind}.queued", f"{self._handlers.kind}.cancel"]
        async with self._runtime.listen(
            self._handlers.kind, f"{self._handlers.kind}.tasks", kinds, prefetch=16
        ) as deliveries:
            async for delivery in deliveries:
                await delivery.ack()
                if delivery.bell.kind.endswith(".cancel"):
                    with contextlib.suppress(errors.AutoLearnError):  # made up for below
                        await self._runtime.tasks.cancel(delivery.bell.ids["job"])
                else:
                    self._rung.set()

    async def _mind_cancelled(self) -> None:
        """Stop running tasks whose bell was lost, or came before there was a task to stop."""
        while True:
            await asyncio.sleep(self._runtime.settings.sweep)
            try:
                states = await self._handlers.states([*self._running])
                for job in [job for job, state in states.items() if state == JobState.cancelling]:
                    await self._runtime.tasks.cancel(job)
            except errors.AutoLearnError as error:
                _log.warning("cancelled tasks not looked for", error=error.detail)

    async def _rest(self) -> None:
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the ring.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._runtime.settings.sweep):
                await self._rung.wait()
        self._rung.clear()

    async def _attempt(self, attempt: Attempt) -> None:
        trace = f"00-{attempt.record.state['trace_id']}-{secrets.token_hex(8)}-01"
        with context.use(context.from_traceparent(trace, causation=attempt.record.id)):
            try:
                await self._compute(attempt)
            except asyncio.CancelledError:
                # The worker stops: the job is tried again elsewhere, or at the next start.
                await asyncio.shield(self._give_up(attempt, None))
                raise
            except errors.VersionConflict:
                _log.warning("stale attempt refused", job=attempt.record.id, attempt=attempt.number)
            except errors.AutoLearnError as error:
                _log.error("attempt failed", job=attempt.record.id, code=error.code, exc_info=error)
                await self._give_up(attempt, Problem(error.code, error.detail, retryable=error.retryable))
            except Exception as error:
                _log.error("attempt failed unexpectedly", job=attempt.record.id, exc_info=error)
                await self._give_up(attempt, Problem("internal", errors.Internal().detail))

    async def _compute(self, attempt: Attempt) -> None:
        kind, job, settings = self._handlers.kind, attempt.record.id, self._runtime.settings
        async with contextlib.AsyncExitStack() as stack:
            # The lease is kept from the preparation until the blobs are written: both may have to wait for an engine.
            async with Telling(self._handlers, job, attempt.key, attempt.token) as telling:
                telling.lost = lambda: self._running[job].cancel()
                request = await self._outages.outlast(
                    job, lambda: self._handlers.views.submitted(attempt.record, attempt.key)
                )
                work = await self._outages.outlast(
                    job, lambda: stack.enter_async_context(self._prepare(attempt.record, attempt.key, request))
                )
                limits = request.get("limits") or {}
                spec = TaskSpec(
                    id=job,
                    function=self._function,
                    request={**work.request, "threads": settings.threads},
                    key=attempt.secret,
                    inputs=work.inputs,
                    sealed_inputs=work.sealed_inputs,
                    sealed_outputs={name: attempt.blob(kind, name) for name in work.sealed_outputs},
                    limits=Limits(
                        wall_seconds=limits.get("seconds") or settings.task_seconds,
                        memory=limits.get("memory") or settings.task_memory,
                        threads=settings.threads,
                    ),
                )
                ended = await self._runtime.tasks.run(spec, on_progress=telling.progress, on_output=telling.output)
                outcome = await stack.enter_async_context(ended)
                kept = await self._keep(attempt, outcome, telling.printed)
            await self._end(attempt, outcome, request, kept)

    async def _keep(self, attempt: Attempt, outcome: TaskOutcome, printed: bytes) -> Kept:
        """Write what is large into blobs, before the record that names them: the sweeper finds what a crash leaves."""
        kind, job, blobs = self._handlers.kind, attempt.record.id, self._runtime.blobs
        outlast, names = self._outages.outlast, dict[str, str]()
        if printed:
            names["output"] = attempt.blob(kind, "output")
            await outlast(job, lambda: sealed_blobs.write(blobs, names["output"], printed, attempt.secret))
        if outcome.kind is not OutcomeKind.succeeded:
            return Kept({}, {}, names)
        for name, path in outcome.outputs.items():
            names[name] = attempt.blob(kind, name)
            await outlast(job, functools.partial(blobs.put_file, names[name], path))
        usage = {
            **(outcome.result or {}).get("usage", {}),
            "seconds": round(outcome.usage.seconds, 4),
            "cpu_seconds": round(outcome.usage.cpu_seconds, 4),
            "peak_memory": outcome.usage.peak_memory,
        }
        result = {**(outcome.result or {}), "usage": usage}
        place = attempt.blob(kind, "result")
        stored = await outlast(job, lambda: sealed_blobs.outsource(blobs, result, place, attempt.secret))
        if stored is not result:
            names["result"] = place
        return Kept(result, stored, names)

    async def _end(self, attempt: Attempt, outcome: TaskOutcome, request: Mapping[str, Any], kept: Kept) -> None:
        kind, job = self._handlers.kind, attempt.record.id
        if outcome.kind is not OutcomeKind.succeeded:
            problem = outcome.problem or Problem("cancelled", "it was stopped")
            await self._end_attempt(attempt, problem, kept.blobs, cancelled=outcome.kind is OutcomeKind.cancelled)
            return
        sealed = {
            "result": attempt.key.seal(job, "result", kept.stored),
            "summary": attempt.key.seal(job, "summary", self._summarise(request, kept.result)),
        }

        def decide(record: Record) -> Decision | None:
            guard = {"envelope.lease.token": attempt.token}
            if record.state["state"] == JobState.cancelling:
                return Decision(f"{kind}.cancelled", {"ended": times.now()}, RELEASED, guard)
            return Decision(
                f"{kind}.succeeded",
                {"ended": times.now(), "sealed": sealed, "blobs": dict(kept.blobs)},
                RELEASED,
                guard,
            )

        await self._handlers.finished(await self._saved(attempt, decide))

    async def _saved(self, attempt: Attempt, decide: Callable[[Record], Decision | None]) -> Record:
        """Save a result, which is worth waiting for: while the record store is away, nobody else can claim the job."""
        while True:
            try:
                return await self._decide(attempt, decide)
            except errors.Unavailable as error:
                _log.warning("result waits for the record store", job=attempt.record.id, error=error.detail)
                await asyncio.sleep(self._runtime.settings.sweep)

    async def _end_attempt(
        self,
        attempt: Attempt,
        problem: Problem | None,
        blobs: Mapping[str, str] | None = None,
        *,
        cancelled: bool = False,
    ) -> None:
        """Failed: for good, or back into the queue when it was not the job's own fault and tries are left.

        Without a problem it goes back in any case.
        """
        kind, job = self._handlers.kind, attempt.record.id

        def decide(record: Record) -> Decision | None:
            guard = {"envelope.lease.token": attempt.token}
            if record.state["state"] == JobState.cancelling:
                return Decision(f"{kind}.cancelled", {"ended": times.now()}, RELEASED, guard)
            if problem is None:
                return Decision(f"{kind}.requeued", {}, RELEASED, guard)
            if (problem.retryable or cancelled) and attempts_used(record.state) < self._runtime.settings.attempts:
                return Decision(f"{kind}.attempt_failed", {"reason": problem.code}, RELEASED, guard)
            sealed = {"problem": attempt.key.seal(job, "problem", problem.document())}
            data = {"ended": times.now(), "sealed": sealed, "blobs": dict(blobs or {})}
            return Decision(f"{kind}.failed", data, RELEASED, guard)

        record = await self._decide(attempt, decide)
        if record.state["state"] == JobState.queued:
            self._rung.set()
            self._runtime.notifier.ring(job)
        else:
            await self._handlers.finished(record)

    async def _give_up(self, attempt: Attempt, problem: Problem | None) -> None:
        """End an attempt from which there is no outcome; if that cannot be saved, its lease runs out."""
        try:
            await self._end_attempt(attempt, problem)
        except errors.AutoLearnError as error:
            _log.warning("end of an attempt not saved", job=attempt.record.id, attempt=attempt.number, error=error.code)

    async def _decide(self, attempt: Attempt, decide: Callable[[Record], Decision | None]) -> Record:
        """Save the end of an attempt while it holds its lease; raises `errors.VersionConflict` when it does not."""

        def held(record: Record) -> Decision | None:
            if record.envelope.get("lease", {}).get("token") != attempt.token:
                raise errors.Conflict(f"attempt {attempt.number} of {record.id} has lost its lease")
            return decide(record)

        try:
            return await self._handlers.jobs.decide(attempt.record.id, held)
        except errors.VersionConflict:
            raise
        except errors.Conflict as error:
            raise errors.VersionConflict(error.detail) from error
