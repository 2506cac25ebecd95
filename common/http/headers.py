"""Headers with a meaning: `Prefer: wait` (RFC 7240), `ETag` and `If-Match` (RFC 9110), `Idempotency-Key`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header

from common import errors

# The functions are async because FastAPI hands any other dependency to a thread, which takes longer than they do.
WAIT_LIMIT = 60.0
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])", re.IGNORECASE)


async def _waiting(
    prefer: Annotated[str | None, Header(description="`wait=N`: answer when done, at most N seconds")] = None,
) -> float:
    match = _WAIT.search(prefer or "")
    return min(float(match.group(1)), WAIT_LIMIT) if match else 0.0


async def _key(
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="Repeating the request with it makes no double")
    ] = None,
) -> str | None:
    return idempotency_key


async def _if_match(
    if_match: Annotated[str | None, Header(max_length=200, description="ETag of what was read")] = None,
) -> str | None:
    return if_match


Wait = Annotated[float, Depends(_waiting)]
"""Seconds that the client is willing to wait; 0 without the header."""
IdempotencyKey = Annotated[str | None, Depends(_key)]
IfMatch = Annotated[str | None, Depends(_if_match)]


def etag(version: int) -> str:
    """The entity tag of a record's version."""
    return f'"{version}"'


def check_match(if_match: str | None, version: int) -> None:
    """Raise `errors.PreconditionRequired` without `If-Match`, `errors.PreconditionFailed` when it does not fit."""
    if if_match is None:
        raise errors.PreconditionRequired()
    if if_match.strip() != "*" and etag(version) not in [tag.strip() for tag in if_match.split(",")]:
        raise errors.PreconditionFailed(f"it is at {etag(version)} now; read it again and decide anew")
