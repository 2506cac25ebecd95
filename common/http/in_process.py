"""Calls between services of one process: httpx's transport interface straight onto an ASGI application.

`httpx.ASGITransport` does the same, but searches all of `sys.path` for a module that is not there at every request, a
millisecond each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx
from starlette.types import ASGIApp

from common import logging

_log = logging.logger("in_process")


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends requests to an application and reads whole answers; an exception of the application is a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "server": (request.url.host, request.url.port),
            "client": ("127.0.0.1", 0),
            "root_path": "",
        }
        status, headers, pieces = 500, [], list[bytes]()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]
        complete = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await complete.wait()  # nobody hangs up before: who no longer wants the answer cancels the call
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body", False):
                    complete.set()

        try:
            await self._app(scope, receive, send)
        except Exception as error:
            _log.debug("application failed, which it has told itself", path=request.url.path, exc_info=error)
        return httpx.Response(status, headers=headers, content=b"".join(pieces))
