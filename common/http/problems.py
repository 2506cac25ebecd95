"""Problem documents (RFC 9457): the one form of every error over REST."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors, logging

MEDIA_TYPE = "application/problem+json"
_log = logging.logger("http")
_BY_STATUS: dict[int, type[errors.AutoLearnError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    404: errors.NotFound,
    405: errors.BadRequest,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
}


def document(error: errors.AutoLearnError, *, instance: str = "", status: int | None = None) -> dict[str, Any]:
    """The problem document of `error`; `instance` is the path of the request."""
    shown: dict[str, Any] = {
        **error.extra,
        "type": f"urn:autolearn:problem:{error.code}",
        "title": error.title,
        "status": status or error.status,
        "detail": error.detail,
        "code": error.code,
        "errors": [flaw.document() for flaw in error.flaws],
        "trace_id": context.current().trace_id,
    }
    if instance:
        shown["instance"] = instance
    return shown


def response(error: errors.AutoLearnError, *, instance: str = "", status: int | None = None) -> Response:
    """The answer that says `error`; temporary ones tell when to try again."""
    body = document(error, instance=instance, status=status)
    headers = {}
    if error.retry_after is not None or body["status"] in (429, 503):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1)))
    return JSONResponse(body, status_code=body["status"], headers=headers, media_type=MEDIA_TYPE)


def pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) of a pydantic location within the body."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def flaws_of(found: Sequence[Any]) -> list[errors.Flaw]:
    """Pydantic's findings as flaws: a body's with a JSON pointer, a parameter's with its name behind `?`."""
    flaws = []
    for item in found:
        where, *rest = item["loc"] or ("",)
        place = pointer(rest) if where == "body" else f"?{'.'.join(str(part) for part in rest)}"
        code = {"extra_forbidden": "unknown_field", "missing": "missing"}.get(item["type"], item["type"])
        flaws.append(errors.Flaw(place, code, item["msg"]))
    return flaws


class _Unexpected:
    """Answers 500 to any other exception, without a word of it.

    As a middleware: a handler for `Exception` would answer outside of all middlewares, so without a trace or a line in
    the call log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            _log.error("unexpected error", path=scope["path"], exc_info=error)
            await response(errors.Internal(), instance=scope["path"])(scope, receive, send)


def install(app: FastAPI) -> None:
    """Let every error of `app` leave as a problem document."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.AutoLearnError)
        if error.status >= 500 and not error.retryable:
            _log.error("request failed", code=error.code, path=request.url.path, exc_info=error)
        return response(error, instance=request.url.path)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = error.errors()
        flaws = flaws_of(found)
        if any(item["type"] == "json_invalid" for item in found):
            return response(
                errors.BadRequest(f"the body is no JSON: {found[0]['ctx']['error']}"), instance=request.url.path
            )
        if all(item["loc"] and item["loc"][0] in ("query", "header", "path") for item in found):
            return response(errors.BadRequest("a parameter has a wrong value", flaws=flaws), instance=request.url.path)
        many = (
            f"{len(flaws)} things in the request are wrong" if len(flaws) > 1 else "something in the request is wrong"
        )
        return response(errors.Invalid(many, flaws=flaws), instance=request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        chosen = _BY_STATUS.get(error.status_code, errors.Internal if error.status_code >= 500 else errors.BadRequest)
        detail = f"there is no {request.url.path}" if error.status_code == 404 else str(error.detail)
        answer = response(chosen(detail), instance=request.url.path, status=error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(errors.AutoLearnError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(_Unexpected)
