"""A service of another process as an application of this one: requests and answers pass in pieces, as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from common import errors
from common.http import problems

_CONNECTION = frozenset(
    (b"connection", b"date", b"host", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"transfer-encoding", b"upgrade")
)  # fmt: skip
"""Headers that are about one connection (RFC 9110 §7.6.1), the name of the other host, and what every server adds."""
_CONNECT = 5.0
_ANSWERS = 2.0


def tls(url: str) -> bool:
    """Whether certificates are needed to reach a URL: loading them takes 50 ms, and most services speak plain HTTP."""
    return not url.startswith("http://")


class Proxy:
    """The service at `url`. What it answers is not looked at; 503 when it cannot be reached."""

    def __init__(self, service: str, url: str) -> None:
        self._service = service
        timeout = httpx.Timeout(None, connect=_CONNECT)  # a stream may be silent for long
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False, verify=tls(url))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Request(scope, receive)
        answering = asyncio.ensure_future(self._answer(request, send))
        hanging_up = asyncio.ensure_future(request.hung_up())
        try:
            await asyncio.wait((answering, hanging_up), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, hanging_up):
                task.cancel()
            await asyncio.wait((answering, hanging_up))
        if not answering.cancelled():
            answering.result()

    async def document(self) -> dict[str, Any]:
        """The OpenAPI document of the service. Raises `errors.Unavailable` when it does not answer."""
        try:
            answer = await self._http.get("/openapi.json", timeout=_CONNECT)
            found: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._away() from error
        return found

    async def complaints(self) -> list[str]:
        """What the service says is degraded; one line if it does not answer in time."""
        try:
            said = (await self._http.get("/readyz", timeout=_ANSWERS)).json()
            return [str(line) for line in said.get("degraded", ())]
        except (httpx.HTTPError, ValueError, AttributeError):
            return ["does not answer"]

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _answer(self, asked: _Request, send: Send) -> None:
        request = self._http.build_request(
            asked.method, asked.target, headers=asked.headers, content=asked.body() if asked.has_body else None
        )
        try:
            response = await self._http.send(request, stream=True)
        except _HungUp:
            return
        except httpx.TransportError:
            await problems.response(self._away(), instance=asked.path)(asked.scope, asked.receive, send)
            return
        async with contextlib.aclosing(response):
            headers = [(name.lower(), value) for name, value in response.headers.raw]
            headers = [(name, value) for name, value in headers if name not in _CONNECTION]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            # A connection that breaks here raises, and the server breaks the one to the client: half an answer must
            # not look like a whole one.
            async for piece in response.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _away(self) -> errors.Unavailable:
        return errors.Unavailable(f"the {self._service} service does not answer")


class _HungUp(Exception):
    """The client is gone, and with it the reason for the request."""


class _Request:
    """A request as it arrives."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.method, self.path = scope["method"], scope["path"]
        query = scope["query_string"]
        self.target = httpx.URL(raw_path=scope["raw_path"] + (b"?" + query if query else b""))
        self.headers = [(name, value) for name, value in scope["headers"] if name not in _CONNECTION]
        self.has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        self._whole = asyncio.Event()
        if not self.has_body:
            self._whole.set()

    async def body(self) -> AsyncIterator[bytes]:
        """Its body in pieces. Raises `_HungUp` when the client does so in the middle."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise _HungUp
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                self._whole.set()
                return

    async def hung_up(self) -> None:
        """Returns when the client hangs up after the whole request has been read."""
        await self._whole.wait()
        while (await self.receive())["type"] != "http.disconnect":
            continue
