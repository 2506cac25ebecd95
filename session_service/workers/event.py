"""The event role: takes ended jobs in, carries commits and discards on, and makes up for every lost bell."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from common import errors, logging
from common.contracts.sessions import SessionState
from common.ports.message_bus import Delivery
from common.ports.record_store import Record
from common.runtime import Runtime
from common.workers.proceeding import Proceeding
from session_service.arrivals import Arrivals
from session_service.commitment import Commitment
from session_service.erasure import Erasure
from session_service.repository import Sessions
from session_service.views import Views

_FINISHED = ("training.finished", "evaluation.finished", "search.finished")
_log = logging.logger("session_events")


class SessionEvents:
    """The loop of this role, over what it moves: arriving jobs, commits, and the ends of sessions."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        sessions: Sessions,
        arrivals: Arrivals,
        commitment: Commitment,
        erasure: Erasure,
        views: Views,
    ) -> None:
        self._runtime, self.sessions, self._views = runtime, sessions, views
        self.arrivals, self.commitment, self.erasure = arrivals, commitment, erasure
        self._proceeding = Proceeding("session")
        self._reconciled = time.monotonic()

    async def run(self) -> None:
        """Listen and sweep until cancelled; what was on its way goes on at the next start."""
        await self._proceeding.during(self._listen(), self._sweep())

    async def _listen(self) -> None:
        async with self._runtime.listen(
            "session", "session.events", [*_FINISHED, "session.ending"], prefetch=8
        ) as heard:
            async for delivery in heard:
                await self._handle(delivery)

    async def listen(self) -> None:
        """Hear what every process must know, until cancelled: destroyed keys, and what somebody may wait for here."""
        queue = f"session.events.{self._runtime.instance}"
        async with self._runtime.listen("session", queue, ["key.destroyed", "session.changed"], prefetch=64) as heard:
            async for delivery in heard:
                await delivery.ack()
                if delivery.bell.kind == "key.destroyed":
                    self._views.forget(delivery.bell.ids["owner"])
                else:
                    self._runtime.notifier.ring(delivery.bell.ids["session"])

    async def _handle(self, delivery: Delivery) -> None:
        try:
            if delivery.bell.kind in _FINISHED:
                await self.arrivals.ended(delivery.bell.ids["job"])
            else:
                self._go_on(await self.sessions.repository.get(delivery.bell.ids["session"]))
            await delivery.ack()
        except errors.AutoLearnError as error:
            _log.warning("bell not handled", bell=delivery.bell.kind, error=error.detail)
            await delivery.reject()

    async def _sweep(self) -> None:
        settings = self._runtime.settings
        while True:
            try:
                await self.sweep()
                if time.monotonic() - self._reconciled >= settings.reconcile:
                    self._reconciled = time.monotonic()
                    await self.arrivals.reconcile_all()
            except errors.AutoLearnError as error:
                _log.warning("not swept", code=error.code, error=error.detail)
            await asyncio.sleep(settings.sweep)

    async def sweep(self) -> None:
        """Expire sessions whose time is over, and go on with what is on its way."""
        for session in await self.sessions.overdue():
            with contextlib.suppress(errors.Conflict):  # somebody began to commit it at the last moment
                await self.erasure.begin(session.id, SessionState.expired)
        for session in await self.sessions.ending():
            self._go_on(session)

    def _go_on(self, session: Record) -> None:
        work: Callable[[Record], Awaitable[None]]
        match session.state["state"]:
            case SessionState.committing:
                work = self.commitment.proceed
            case SessionState.discarding:
                work = self.erasure.proceed
            case _:
                return
        self._proceeding.go_on(session.id, lambda: work(session))
