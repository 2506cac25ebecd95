"""Strict JSON at the edge: what Python would silently repair or cannot store is refused with its place.

Refused: duplicate keys, NaN and Infinity, integers beyond 64 bits, nesting deeper than 32, lone surrogates, keys with
NUL or a leading `$`, and text that is not UTF-8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from common import errors

DEPTH = 32
_INT64 = 2**63


def _flaw(where: str, code: str, detail: str) -> errors.Invalid:
    return errors.Invalid(detail, flaws=[errors.Flaw(where, code, detail)])


def _step(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901); half a surrogate pair cannot be part of an answer."""
    return "/" + key.encode(errors="replace").decode().replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True)
class _Refused:
    """Stands where the parser found what it may not pass on: only the check that follows knows the place."""

    code: str
    detail: str


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _Refused("duplicate_key", f"the key {key!r} appears twice") if key in found else value
    return found


def _constant(word: str) -> _Refused:
    return _Refused("number", f"{word} is no JSON number")


def _integer(digits: str) -> int | _Refused:
    # Checked before int(): converting thousands of digits is slow on purpose in CPython.
    if len(digits) > 20 or not -_INT64 <= int(digits) < _INT64:
        return _Refused("number", f"{digits[:24]} does not fit into 64 bits")
    return int(digits)


def _float(digits: str) -> float | _Refused:
    value = float(digits)
    return value if math.isfinite(value) else _Refused("number", f"{digits[:24]} is too large for a number")


def _check(value: Any, where: str, depth: int) -> None:
    if depth > DEPTH:
        raise _flaw(where, "depth", f"nested deeper than {DEPTH} levels")
    if isinstance(value, _Refused):
        raise _flaw(where, value.code, value.detail)
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, where)
            if key.startswith("$") or "\0" in key:
                raise _flaw(where + _step(key), "key", f"{key!r} is not allowed as a key")
            _check(item, where + _step(key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{where}/{index}", depth + 1)


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _flaw(where, "unicode", "a text holds half a surrogate pair") from error


def loads(body: bytes) -> Any:
    """The value of a JSON text. Raises `errors.BadRequest` for what does not parse, `errors.Invalid` for the rest."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"the body is not UTF-8 at byte {error.start}"
        raise errors.BadRequest(detail, flaws=[errors.Flaw("", "encoding", detail)]) from error
    if text.startswith("\ufeff"):
        detail = "the body begins with a byte order mark; send plain UTF-8"
        raise errors.BadRequest(detail, flaws=[errors.Flaw("", "encoding", detail)])
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except RecursionError as error:
        raise _flaw("", "depth", f"nested deeper than {DEPTH} levels") from error
    except json.JSONDecodeError as error:
        detail = f"the body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise errors.BadRequest(detail, flaws=[errors.Flaw("", "syntax", detail)]) from error
    _check(value, "", 1)
    return value


class StrictRequest(Request):
    """A request whose JSON is read by `loads`."""

    async def limited_body(self) -> bytes:
        """The whole body. Raises `errors.TooLarge` as soon as more has come than this application takes."""
        # Here, because the framework's own limit answers in plain text, past the handlers of errors.
        if not hasattr(self, "_body"):
            limit: int = self.app.state.body_limit
            body = bytearray()
            async for piece in self.stream():
                body += piece
                if len(body) > limit:
                    raise errors.TooLarge(f"a body may have {limit} bytes here")
            self._body = bytes(body)
        return self._body

    async def json(self) -> Any:
        """The body's value; see `loads` for the errors."""
        if not hasattr(self, "_strict"):
            self._strict = loads(await self.limited_body())
        return self._strict


class StrictRoute(APIRoute):
    """A route that reads JSON strictly and refuses what is no JSON by its content type."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()
        wants_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            inner = StrictRequest(request.scope, request.receive)
            if wants_json:
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                body = await inner.limited_body()
                if body and kind != "application/json" and not kind.endswith("+json"):
                    raise errors.UnsupportedMediaType(
                        f"this route takes application/json, not {kind or 'nothing named'}"
                    )
                if body:
                    # Here, because FastAPI turns any exception of its own reading into one and the same 400.
                    await inner.json()
            answer: Response = await handler(inner)
            return answer

        return strict
