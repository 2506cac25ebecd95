"""What stands at every listening socket: the check of the Host header, and headers that keep browsers careful."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors
from common.http import problems

_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)


class Guard:
    """An application that listens. Hosts are compared without port, in any case of letters.

    A page of another site can make a browser call an address under its own name (DNS rebinding), so only names that
    the installation is known by are answered. No CORS header is ever sent: browsers keep other sites away.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._known(scope):
            await self._app(scope, receive, _secured(send))
        else:
            refusal = errors.BadRequest("the Host header does not name this platform; see the setting allowed_hosts")
            await refused(refusal)(scope, receive, _secured(send))

    def _known(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and _hostname(hosts[0].decode("latin-1")) in self._hosts


def refused(error: errors.AutoLearnError) -> ASGIApp:
    """An application that answers with this error, in the trace of the request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        cause = context.from_traceparent(traceparent.decode("latin-1"))
        with context.use(cause):
            response = problems.response(error, instance=scope["path"])
        response.headers["traceparent"] = cause.traceparent
        await response(scope, receive, send)

    return answer


def _hostname(host: str) -> str:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name


def _secured(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            there = {name for name, _ in headers}
            message = {**message, "headers": [*headers, *(one for one in _SECURITY if one[0] not in there)]}
        await send(message)

    return secured
