"""What every service says of itself."""

from __future__ import annotations

from common.contracts.base import Answer, Document


class Info(Answer):
    """Name, version and limits of a service, for clients and for people who ask what runs here."""

    service: str
    version: str
    mode: str
    services: list[str] = []
    limits: Document = {}


class Readiness(Answer):
    """Whether the service can take a write now; `degraded` names what is away without stopping it."""

    ready: bool
    degraded: list[str] = []
