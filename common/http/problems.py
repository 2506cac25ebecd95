"""Problem documents (RFC 9457): the one form of every error over REST."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors, logging

MEDIA_TYPE = "application/problem+json"
MOST = 100
"""Flaws that one answer lists: to look up what 100,000 unknown fields resemble would stop everybody for seconds."""
_log = logging.logger("http")
_BY_STATUS: dict[int, type[errors.AutoLearnError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
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


def counted(flaws: Sequence[errors.Flaw]) -> str:
    """How many things are wrong, in words."""
    return "1 thing is wrong" if len(flaws) == 1 else f"{len(flaws)} things are wrong"


def flaws_of(found: Sequence[Any], body: Any = None) -> list[errors.Flaw]:
    """Pydantic's findings as flaws: a body's with a JSON pointer, a parameter's with its name behind `?`.

    `body` is the type that the route takes: an unknown field is told which known ones it resembles.
    """
    flaws = []
    for item in found:
        where, *rest = item["loc"] or ("",)
        if item["type"] == "extra_forbidden":
            flaws.append(_unknown_field(rest, body))
            continue
        place = pointer(rest) if where == "body" else f"?{'.'.join(str(part) for part in rest)}"
        flaws.append(errors.Flaw(place, item["type"], _said(item)))
    return flaws


_WORDS = {
    "missing": "this field is needed",
    "model_type": "a JSON object is expected here",
    "model_attributes_type": "a JSON object is expected here",
    "dict_type": "a JSON object is expected here",
    "list_type": "a JSON array is expected here",
    "string_type": "a text is expected here",
    "int_type": "an integer is expected here",
    "int_from_float": "an integer is expected here, not a number with a fraction",
    "float_type": "a number is expected here",
    "bool_type": "true or false is expected here",
    "finite_number": "a finite number is expected here",
    "string_too_short": "at least {min_length} characters are needed here",
    "string_too_long": "at most {max_length} characters are taken here",
    "too_short": "at least {min_length} items are needed here, not {actual_length}",
    "too_long": "at most {max_length} items are taken here, not {actual_length}",
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be at most {le}",
    "string_pattern_mismatch": "it must be of the form {pattern}",
    "literal_error": "it must be {expected}",
}
"""Pydantic's findings in the words of JSON: its own name Python's types and the inner life of a validation."""


def _said(item: Mapping[str, Any]) -> str:
    told = _WORDS.get(item["type"])
    return told.format(**item.get("ctx", {})) if told else str(item["msg"])


def _unknown_field(location: Sequence[str | int], body: Any) -> errors.Flaw:
    *path, name = location or ("",)
    for part in path:
        body = _fields(body).get(str(part), body)
    known = list(_fields(body))
    detail = f"there is no field {str(name)!r}" + (f"; there are: {', '.join(known)}" if known else "")
    return errors.Flaw(pointer(location), "unknown_field", detail, tuple(difflib.get_close_matches(str(name), known)))


def _fields(body: Any) -> dict[str, Any]:
    """The fields of a model by the names of the wire, with their types; of a union those of its models."""
    if isinstance(body, type) and issubclass(body, BaseModel):
        return {field.alias or name: field.annotation for name, field in body.model_fields.items()}
    found: dict[str, Any] = {}
    for each in get_args(body):
        found |= _fields(each)
    return found


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    fitting = [route for route in app.state.routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in fitting for method in getattr(route, "methods", None) or ()})


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
        taken = getattr(request.scope.get("route"), "body_field", None)
        flaws = flaws_of(found[:MOST], taken and taken.field_info.annotation)
        if any(item["type"] == "json_invalid" for item in found):
            return response(
                errors.BadRequest(f"the body is no JSON: {found[0]['ctx']['error']}"), instance=request.url.path
            )
        if all(item["loc"] and item["loc"][0] in ("query", "header", "path") for item in found):
            return response(errors.BadRequest("a parameter has a wrong value", flaws=flaws), instance=request.url.path)
        many = (
            f"{len(found)} things in the request are wrong" if len(found) > 1 else "something in the request is wrong"
        )
        if len(found) > MOST:
            many += f"; the first {MOST} are listed"
        return response(errors.Invalid(many, flaws=flaws), instance=request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        chosen = _BY_STATUS.get(error.status_code, errors.Internal if error.status_code >= 500 else errors.BadRequest)
        detail = f"there is no {request.url.path}" if error.status_code == 404 else str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == errors.MethodNotAllowed.status:
            # The framework names the methods of the first route that fits, and there may be more.
            headers["Allow"] = ", ".join(_methods(app, request.scope))
            detail = f"{request.method} is not possible at {request.url.path}; there are: {headers['Allow']}"
        answer = response(chosen(detail), instance=request.url.path, status=error.status_code)
        answer.headers.update(headers)
        return answer

    app.add_exception_handler(errors.AutoLearnError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(_Unexpected)
