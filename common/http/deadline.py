"""One deadline for every request that is neither a stream, an upload nor a wait, set at the door.

Its rest travels with every call to another service, so that nobody works on an answer that nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors
from common.http import problems
from common.http.admission import ARRIVED

HEADER = "autolearn-deadline"
"""Seconds that are left of the deadline, on calls between services."""
_EXEMPT = re.compile(
    r"/(progress|output|content|artifact|stream|datasets|backup)$|:(export|verify|rebuild|compare)$|^/v1/datasets/"
)
_INTERNAL = "/internal/"


class Deadline:
    """Answers 503 when the wrapped application has not begun to answer within `seconds`."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self.app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = self._allowed(scope) if scope["type"] == "http" else None
        if seconds is None:
            await self.app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            # What it has waited at the door is a part of it.
            seconds -= time.monotonic() - scope.get(ARRIVED, time.monotonic())
            until = dataclasses.replace(context.current(), deadline=time.monotonic() + seconds)
            with context.use(until):
                async with asyncio.timeout(seconds):
                    await self.app(scope, receive, sending)
        except TimeoutError:
            if begun:
                raise
            late = errors.Unavailable(
                "the answer takes too long; what was asked may still have happened", retry_after=1
            )
            await problems.response(late, instance=scope["path"])(scope, receive, send)

    def _allowed(self, scope: Scope) -> float | None:
        """Seconds for this request; None where it may take as long as it takes."""
        headers = {name: value for name, value in scope["headers"] if name in (b"prefer", HEADER.encode())}
        if HEADER.encode() in headers:
            with contextlib.suppress(ValueError):
                # Told by a client it can only shorten its own request.
                return max(0.0, min(float(headers[HEADER.encode()]), self._seconds))
        exempt = _EXEMPT.search(scope["path"]) or scope["path"].startswith(_INTERNAL)
        return None if exempt or b"wait" in headers.get(b"prefer", b"").lower() else self._seconds
