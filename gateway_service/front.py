"""The one door: hands each request to the service whose path it is, untouched."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from common import errors
from common.http.guard import refused
from gateway_service import documents

PREFIXES: Mapping[str, str] = {
    "/v1/datasets": "catalog",
    "/v1/algorithms": "catalog",
    "/v1/measures": "catalog",
    "/v1/trainings": "training",
    "/v1/searches": "training",
    "/v1/evaluations": "evaluation",
    "/v1/sessions": "session",
    "/v1/experiments": "storage",
}
"""Which service answers below a path; the rest is the gateway's own."""
GATEWAY = "gateway"
_STREAMS = ("/stream", "/progress", "/output")


class Front:
    """One application of all services.

    A request keeps its path, and its body and answer pass as they come. `/internal` is not reachable here, whatever
    the request shows.
    """

    def __init__(self, apps: Mapping[str, ASGIApp], prefixes: Mapping[str, str] = PREFIXES) -> None:
        """`apps` are the services by name, the gateway among them."""
        self._apps, self._prefixes = dict(apps), dict(prefixes)
        self._openapi: dict[str, object] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        path = scope["path"]
        if path.lstrip("/").lower().split("/")[0] == "internal":
            await refused(errors.NotFound(f"there is no {path}"))(scope, receive, send)
        elif path == "/" and scope["method"] in ("GET", "HEAD"):
            await RedirectResponse("/docs")(scope, receive, send)
        elif path in ("/openapi.json", "/docs") and scope["method"] in ("GET", "HEAD"):
            await (await self._document(path))(scope, receive, send)
        else:
            if scope["method"] == "HEAD" and not path.endswith(_STREAMS):
                # As the GET (RFC 9110 §9.3.2): the server itself leaves the body out.
                scope = {**scope, "method": "GET"}
            await self._apps[self.service_of(path)](scope, receive, send)

    def service_of(self, path: str) -> str:
        """The name of the service that answers a path."""
        for prefix, service in self._prefixes.items():
            # `/v1/datasets`, `/v1/datasets/…` and `/v1/datasets:…`, not `/v1/datasets_of_mine`.
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/", ":"):
                return service
        return GATEWAY

    async def _document(self, path: str) -> ASGIApp:
        if self._openapi is None:
            try:
                self._openapi = documents.merged(await documents.of(self._apps))
            except errors.Unavailable as error:
                return refused(error)
        if path == "/docs":
            return HTMLResponse(documents.listing(self._openapi))
        return JSONResponse(self._openapi)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Services are started by who built them, so the server only wants to hear that all is well."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
