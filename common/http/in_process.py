"""Calls between services of one process: straight onto an ASGI application.

httpx with a transport onto the application does the same; that parses and builds what is never sent, a millisecond
each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.types import ASGIApp

from common import logging

_log = logging.logger("in_process")


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status_code: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes


class InProcess:
    """An application of this process, to be called as an `httpx.AsyncClient` is.

    Answers are read to their end; an exception of the application is a bare 500.
    """

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app, self._host = app, host

    async def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str | int | float] | None = None,
        headers: Mapping[str, str],
    ) -> Answer:
        """The answer to a request for `url`, a path with what has to be quoted quoted, and a query or none."""
        body = content or b""
        path, _, query = url.partition("?")
        if params:
            query = urlencode(params)
        sent = [(b"host", self._host.encode()), (b"content-length", str(len(body)).encode())]
        sent += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "headers": sent,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "server": (self._host, None),
            "client": ("127.0.0.1", 0),
            "root_path": "",
        }
        status, told, pieces = 500, tuple[tuple[bytes, bytes], ...](), list[bytes]()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]
        complete = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await complete.wait()  # nobody hangs up before: who no longer wants the answer cancels the call
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status, told = message["status"], tuple(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body", False):
                    complete.set()

        try:
            await self._app(scope, receive, send)
        except Exception as error:
            _log.debug("application failed, which it has told itself", path=path, exc_info=error)
        return Answer(status, told, b"".join(pieces))

    async def aclose(self) -> None:
        """Nothing is kept open."""
