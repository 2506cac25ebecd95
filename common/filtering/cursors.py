"""Cursors: the place of the last item of a page, as text that clients hand back without looking inside."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from common import errors
from common.filtering.sorting import Place


def encode(place: Place, scope: str) -> str:
    """The cursor of a place in the list that `scope` describes (its filter and sort order as they were written)."""
    text = json.dumps([_mark(scope), *place], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, scope: str) -> Place:
    """The place of a cursor. `errors.BadRequest` if it is damaged or was given for another list."""
    try:
        content = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise errors.BadRequest("the cursor is damaged; use `next` of a page as it was given") from error
    match content:
        case [str() as mark, *values, str() as identifier] if all(_scalar(value) for value in values):
            if mark == _mark(scope):
                return (*values, identifier)
            raise errors.BadRequest("the cursor belongs to another filter or sort order; start again without it")
        case _:
            raise errors.BadRequest("the cursor is damaged; use `next` of a page as it was given")


def _mark(scope: str) -> str:
    return hashlib.sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
