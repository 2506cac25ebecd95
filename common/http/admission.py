"""Admission at the door: how many requests are worked on at once, how many may wait, and a cheap no to the rest.

One thread computes all answers. What a thousand requests could each do next would otherwise be one turn of the event
loop, in which nothing else happens: no heartbeat, no health, no other answer.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors, logging
from common.http import problems
from common.settings import Settings

ARRIVED = "autolearn.arrived"
"""Key of the scope: seconds of `time.monotonic()` at which the request came to the door."""
AT_WORK = 16
"""Requests that compute at once. A step of one takes one or two milliseconds, so a turn of all stays under 50."""
_HOLD = 0.5
"""Seconds after which a request gives its place up: it waits for something, or its client is slow."""
_ALWAYS = ("/livez", "/readyz")
_log = logging.logger("admission")
_leave: ContextVar[Callable[[], None] | None] = ContextVar("autolearn_leave", default=None)


def leave() -> None:
    """The request that is being handled waits from here on, for as long as it likes: another may have its place."""
    leaving = _leave.get()
    if leaving is not None:
        leaving()


class Refusal:
    """An answer of 503 that is made ready once: only the trace differs, so a thousand of them cost little."""

    def __init__(self, why: str) -> None:
        self.count = 0
        trace = context.fresh()
        with context.use(trace):
            response = problems.response(errors.Unavailable(f"{why}; try again", retry_after=1))
        self._before, self._after = bytes(response.body).split(trace.trace_id.encode())
        self._headers = response.raw_headers
        self._why = why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.count += 1
        if self.count.bit_count() == 1:  # the 1st, 2nd, 4th …: a flood of refusals must not flood the log
            _log.warning("requests refused", reason=self._why, refused=self.count)
        told = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        cause = context.from_traceparent(told.decode("latin-1"))
        headers = [*self._headers, (b"traceparent", cause.traceparent.encode())]
        await send({"type": "http.response.start", "status": errors.Unavailable.status, "headers": headers})
        await send({"type": "http.response.body", "body": self._before + cause.trace_id.encode() + self._after})


class Admission:
    """Lets `at_work` requests compute at once and `limit` be there at all; the rest gets 503 and `Retry-After`.

    Computing ends when the answer begins, with `leave()`, or after half a second: a stream or a wait for a job then
    only counts towards the limit. Who gets no place within `patience` seconds is refused too. Health is answered in any
    case.
    """

    def __init__(self, app: ASGIApp, *, limit: int, patience: float, at_work: int = AT_WORK) -> None:
        self._app, self._limit, self._patience, self._free = app, limit, patience, at_work
        self._too_many = Refusal(f"{limit} requests are in flight, no more are taken")
        self._too_slow = Refusal(f"other requests have kept this one waiting for {patience:g} s")
        self._here = 0
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
        elif self._here >= self._limit:
            await self._too_many(scope, receive, send)
        else:
            scope[ARRIVED] = time.monotonic()
            self._here += 1
            try:
                await self._admit(scope, receive, send)
            finally:
                self._here -= 1

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._place()
        except TimeoutError:
            await self._too_slow(scope, receive, send)
            return
        held = True

        def leaving() -> None:
            nonlocal held
            if held:
                held = False
                overdue.cancel()
                self._give_back()

        async def sending(message: Message) -> None:
            leaving()
            await send(message)

        overdue = asyncio.get_running_loop().call_later(_HOLD, leaving)
        token = _leave.set(leaving)
        try:
            await self._app(scope, receive, sending)
        finally:
            leaving()
            _leave.reset(token)

    async def _place(self) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._give_back()  # it was handed over in the same moment
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(mine)
            raise

    def _give_back(self) -> None:
        while self._waiting:
            one = self._waiting.popleft()
            if not one.done():
                one.set_result(None)
                return
        self._free += 1


def admitted(app: ASGIApp, settings: Settings) -> Admission:
    """The application behind an admission by `settings`: a fifth of the deadline is left to who waited longest."""
    return Admission(app, limit=settings.request_limit, patience=0.8 * settings.deadline)
