"""Sessions and the records they hold until they are committed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from common.contracts.base import Answer, Command, Document, Name, Reference, Tag


class SessionState(StrEnum):
    """Where a session is in its life."""

    open = "open"  # takes jobs
    committing = "committing"  # its records are on their way to permanent storage
    committed = "committed"  # stored exactly once; answers with its experiments for ever
    discarding = "discarding"  # its open jobs are being cancelled, then its key is destroyed
    discarded = "discarded"
    expired = "expired"

    @property
    def closed(self) -> bool:
        """Whether it will never take a job again."""
        return self in (SessionState.committed, SessionState.discarded, SessionState.expired)


class SessionOpening(Command):
    """Open a session; `expires_in` is seconds after its last use (30 days if not given)."""

    name: Name | None = None
    note: Annotated[str, Field(max_length=10_000)] | None = None
    expires_in: Annotated[int, Field(ge=1, le=10 * 366 * 86_400)] | None = None


class SessionCommit(Command):
    """Commit all succeeded records and end the session, or only `records` (job references) and leave it open."""

    records: Annotated[list[Reference], Field(min_length=1, max_length=10_000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=100)] = []


class SessionKeep(Command):
    """Let the session expire only `for` seconds from now."""

    for_: Annotated[int, Field(ge=1, le=10 * 366 * 86_400, alias="for")]


class Session(Answer):
    """A session: `records` counts what it holds, `open_jobs` what still runs or waits."""

    id: str
    name: str
    state: SessionState
    note: str | None = None
    created: str
    used: str
    expires: str | None
    records: int
    open_jobs: list[str]
    experiments: list[str] = []
    problem: Document | None = None  # why its last commit was given up; nothing of that became visible


class SessionRecord(Answer):
    """One finished job in a session; `summary` says dataset, target, task, algorithm, parameters and measures."""

    id: str
    job: str
    kind: str
    state: str
    training: str | None = None
    dataset: str | None = None
    algorithm: str | None = None
    created: str
    ended: str
    summary: Document


class Comparison(Answer):
    """Several things side by side: per field the values in the order of `ids`, and whether they differ."""

    ids: list[str]
    rows: list[Document]
