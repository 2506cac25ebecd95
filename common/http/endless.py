"""Answers that have no end of their own, and must have one when the server stops."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import logging

_log = logging.logger("streams")
MARK = (b"x-accel-buffering", b"no")
"""The header of an answer that is read while it is written: nginx's name for "do not buffer", FastAPI's for events."""


class Endless:
    """Ends the streams of the wrapped application when told to: their clients see a whole answer, and come again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._open: set[asyncio.Task[object]] = set()
        self._ended = False

    def end(self) -> None:
        """End those that are open, and every one that is begun from now on."""
        self._ended = True
        for task in self._open:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self.app(scope, receive, send)
            return
        whole = gone = False

        async def receiving() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            return message

        async def sending(message: Message) -> None:
            nonlocal whole
            if message["type"] == "http.response.start" and MARK in message["headers"]:
                self._open.add(task)
                if self._ended:
                    task.cancel()
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        except asyncio.CancelledError:
            if not self._ended:
                raise
            task.uncancel()
            # Nobody else cancels requests of a server that stops, but the server itself when their time is over:
            # then the rest of the answer is cut off, and there is nothing more to say than that.
            if task in self._open and not whole:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:
            # What was being sent to a reader who has gone breaks somewhere inside; nobody is there to be told.
            if not gone or task not in self._open:
                raise
            _log.debug("a stream's reader went away", path=scope["path"], exc_info=error)
        finally:
            self._open.discard(task)
