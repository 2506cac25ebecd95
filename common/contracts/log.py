"""The event log as the gateway shows it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from common.contracts.base import Answer, Command, Document
from common.contracts.events import Event


class LoggedEvent(Answer):
    """A CloudEvents 1.0 document with its place in the log (`arrival`); `position` is for state events only."""

    arrival: int
    position: int | None = None
    # A dictionary, because what is stored is shown as it is; described to clients as what it always holds.
    event: Annotated[Document, WithJsonSchema(Event.model_json_schema())]


class ServiceVerification(Answer):
    """What one service found when it folded the log and compared it with what it stores."""

    service: str
    records: int
    events: int
    digest: str
    flaws: list[Document]


class Verification(Answer):
    """The whole system's verification; `ok` means that every record equals the fold of its events, without gaps."""

    ok: bool
    records: int
    events: int
    seconds: float
    services: list[ServiceVerification]


class RebuildRequest(Command):
    """Rebuild every read model from the log into an empty store called `into`."""

    into: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class Rebuild(Answer):
    """A rebuild: per service the digest of the rebuilt records and of the stored ones, equal when `ok`."""

    id: str
    state: str
    into: str
    ok: bool | None = None
    services: list[Document] = []
    problem: Document | None = None
