"""One deadline for every request that is neither a stream, an upload nor a wait."""

from __future__ import annotations

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import errors
from common.http import problems

_EXEMPT = re.compile(
    r"/(progress|output|content|artifact|stream|datasets)$|:(export|verify|rebuild|compare)$|^/v1/datasets/|^/internal/"
)


class Deadline:
    """Answers 503 when the wrapped application has not begun to answer within `seconds`."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self.app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _EXEMPT.search(scope["path"]) or self._waits(scope):
            await self.app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._seconds):
                await self.app(scope, receive, sending)
        except TimeoutError:
            if begun:
                raise
            late = errors.Unavailable(
                "the answer takes too long; what was asked may still have happened", retry_after=1
            )
            await problems.response(late, instance=scope["path"])(scope, receive, send)

    @staticmethod
    def _waits(scope: Scope) -> bool:
        return any(name == b"prefer" and b"wait" in value for name, value in scope["headers"])
