"""The FastAPI application of a service: closed routes, strict JSON, problem documents, call log, health."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute

from common import errors
from common.contracts.problems import Problem
from common.contracts.service import Info, Readiness
from common.http import problems
from common.http.calls import CallLog
from common.http.deadline import Deadline
from common.http.strict_json import StrictRoute
from common.journal import Journal

Check = Callable[[], Awaitable[Readiness]]
OPEN = frozenset({"/livez", "/readyz", "/v1/info", "/openapi.json", "/docs"})
"""Routes that need no authorisation; everything else is closed by the one dependency of the application."""


def router(**options: Any) -> APIRouter:
    """A router whose routes read JSON strictly."""
    return APIRouter(route_class=StrictRoute, **options)


def authoriser(token: str) -> Callable[[Request], Awaitable[None]]:
    """The check on the matched route: `/internal` is for services, the rest for the local user until accounts exist."""

    # Async, as the check below: FastAPI hands any other dependency to a thread, which takes longer than it does.
    async def authorise(request: Request) -> None:
        # On the matched route, never on the URL: a crafted path or Host cannot change what is checked.
        path = request.scope["route"].path
        if path.startswith("/internal") and not is_service(request.headers.get("authorization", ""), token):
            raise errors.Unauthorized("this route is for the services of this installation")

    return authorise


def is_service(authorization: str, token: str) -> bool:
    """Whether the header shows the service token (compared in constant time)."""
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


async def known_parameters(request: Request) -> None:
    """Refuse query parameters that the matched route does not document: a typing error must not pass silently."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute):
        return
    known = {parameter.alias for parameter in _query_parameters(route.dependant)}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise errors.UnknownParameter(
            f"there is no parameter {unknown[0]!r} here; known: {listed}",
            flaws=[errors.Flaw(f"?{name}", "unknown_parameter", f"unknown parameter {name!r}") for name in unknown],
        )


def _describe_problems(app: FastAPI) -> None:
    """Say in the OpenAPI document that problems have a media type of their own: FastAPI knows one for all answers."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        for operation in (one for item in document["paths"].values() for one in item.values()):
            content = operation["responses"].get("default", {}).get("content", {})
            if "application/json" in content:
                content[problems.MEDIA_TYPE] = content.pop("application/json")
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _query_parameters(dependant: Any) -> list[Any]:
    return [*dependant.query_params, *(p for inner in dependant.dependencies for p in _query_parameters(inner))]


def create_app(
    name: str,
    *,
    title: str,
    routers: Sequence[APIRouter],
    journal: Journal,
    secret: bytes,
    token: str,
    body_limit: int,
    deadline: float,
    mode: str,
    ready: Check,
    services: Sequence[str] = (),
) -> FastAPI:
    """The application of the service `name`.

    `secret` keys the digests in the call log, `token` is what services show each other, `ready` answers `/readyz`.
    `services` are those that the gateway stands in front of.
    """
    app = FastAPI(
        title=f"AutoLearn: {title}",
        version=version("autolearn"),
        dependencies=[Depends(known_parameters), Depends(authoriser(token))],
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # Instead of FastAPI's own description of a 422, which is not what is answered.
        responses={"default": {"model": Problem, "description": "What went wrong, as a problem document (RFC 9457)"}},
    )
    app.state.body_limit = body_limit
    problems.install(app)
    _describe_problems(app)
    health = router(tags=["health"])

    @health.get("/livez")
    async def livez() -> dict[str, str]:
        """The event loop turns."""
        return {"status": "alive"}

    @health.get("/readyz")
    async def readyz() -> Readiness:
        """Whether a write would be taken now; `degraded` names what is away meanwhile."""
        found = await ready()
        if not found.ready:
            raise errors.Unavailable("not ready: " + ", ".join(found.degraded), extra={"degraded": found.degraded})
        return found

    @health.get("/v1/info")
    async def info() -> Info:
        """Name, version and limits of this service."""
        return Info(
            service=name,
            version=version("autolearn"),
            mode=mode,
            services=list(services),
            limits={"body": body_limit},
        )

    for part in (health, *routers):
        app.include_router(part)
    app.state.routes = [route for part in (health, *routers) for route in part.routes]
    app.add_middleware(Deadline, seconds=deadline)
    app.add_middleware(CallLog, service=name, journal=journal, secret=secret, token=token)
    return app
