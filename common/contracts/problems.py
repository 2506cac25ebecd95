"""Problem documents (RFC 9457) as clients see them."""

from __future__ import annotations

from common.contracts.base import Answer


class ProblemFlaw(Answer):
    """One thing that is wrong: where (a JSON pointer into the body, `?name` for a parameter), what, and near misses."""

    pointer: str
    code: str
    detail: str
    suggestions: list[str] = []


class Problem(Answer):
    """Why a request was not done; `code` is stable, and a class of the Python client."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    code: str
    errors: list[ProblemFlaw] = []
    trace_id: str
