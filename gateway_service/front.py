"""The one door: checks the Host, and hands each request to the service whose path it is, untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors
from common.http import problems
from gateway_service import documents

PREFIXES: Mapping[str, str] = {
    "/v1/datasets": "catalog",
    "/v1/algorithms": "catalog",
    "/v1/measures": "catalog",
    "/v1/trainings": "training",
    "/v1/evaluations": "evaluation",
    "/v1/sessions": "session",
    "/v1/experiments": "storage",
}
"""Which service answers below a path; the rest is the gateway's own."""
GATEWAY = "gateway"
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)


class Front:
    """One application of all services.

    A request keeps its path, and its body and answer pass as they come. `/internal` is not reachable here, whatever
    the request shows. No CORS header is ever sent: browsers keep other sites away.
    """

    def __init__(
        self,
        apps: Mapping[str, ASGIApp],
        prefixes: Mapping[str, str] = PREFIXES,
        *,
        allowed_hosts: Sequence[str] = ("127.0.0.1", "localhost", "[::1]"),
    ) -> None:
        """`apps` are the services by name, the gateway among them; hosts are compared without port."""
        self._apps, self._prefixes = dict(apps), dict(prefixes)
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._openapi: dict[str, object] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, _secured(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if (refusal := self._refusal(scope)) is not None:
            cause = context.from_traceparent(_header(scope, b"traceparent"))
            with context.use(cause):
                answer = problems.response(refusal, instance=path)
            answer.headers["traceparent"] = cause.traceparent
            await answer(scope, receive, send)
        elif path in ("/openapi.json", "/docs") and scope["method"] in ("GET", "HEAD"):
            await self._document(path)(scope, receive, send)
        else:
            await self._apps[self.service_of(path)](scope, receive, send)

    def service_of(self, path: str) -> str:
        """The name of the service that answers a path."""
        for prefix, service in self._prefixes.items():
            # `/v1/datasets`, `/v1/datasets/…` and `/v1/datasets:…`, not `/v1/datasets_of_mine`.
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/", ":"):
                return service
        return GATEWAY

    def _refusal(self, scope: Scope) -> errors.AutoLearnError | None:
        # A page of another site can make a browser call loopback under its own name (DNS rebinding).
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or _hostname(hosts[0].decode("latin-1")) not in self._hosts:
            return errors.BadRequest("the Host header does not name this platform; see the setting allowed_hosts")
        if scope["path"].lstrip("/").lower().split("/")[0] == "internal":
            return errors.NotFound(f"there is no {scope['path']}")
        return None

    def _document(self, path: str) -> Response:
        if self._openapi is None:
            self._openapi = documents.merged(self._apps)
        if path == "/docs":
            return HTMLResponse(documents.listing(self._openapi))
        return JSONResponse(self._openapi)


def _hostname(host: str) -> str:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _secured(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_SECURITY]}
        await send(message)

    return secured


async def _lifespan(receive: Receive, send: Send) -> None:
    """Services are started by who built them, so the server only wants to hear that all is well."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
