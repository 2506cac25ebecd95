"""The internal routes by which the gateway lets a service verify and rebuild its own records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter

from common import errors
from common.contracts.base import Answer, Document
from common.contracts.log import RebuildRequest, ServiceVerification
from common.http.app import router
from common.ports.record_store import Collection, RecordStore
from common.records import verification
from common.records.repository import Repository

if TYPE_CHECKING:
    from common.runtime import Runtime

Refill = Callable[[RecordStore], Awaitable[None]]
"""Fills the read models of a service in a store whose records have been rebuilt."""


class Rebuilt(Answer):
    """What a service rebuilt from the log: `digest` over the new records, `stored_digest` over those in use."""

    service: str
    ok: bool
    records: int
    events: int
    digest: str
    stored_digest: str
    flaws: list[Document]


def routes(name: str, runtime: Runtime, repositories: Sequence[Repository], refill: Refill | None = None) -> APIRouter:
    """`records:verify` and `records:rebuild` of the service `name`, over the records it owns."""
    api = router(tags=["maintenance"])

    @api.post("/internal/records:verify")
    async def verify_records() -> ServiceVerification:
        """Compare every record with the fold of its events."""
        found = await verification.verify(repositories, runtime.log, name)
        return ServiceVerification(
            service=name,
            records=found.records,
            events=found.events,
            digest=found.digest,
            flaws=found.documents(),
        )

    @api.post("/internal/records:rebuild")
    async def rebuild_records(request: RebuildRequest) -> Rebuilt:
        """Fold the log into the store called `into`, where this service must not have any record yet."""
        if runtime.relay:
            await runtime.relay.ship()
        async with runtime.rebuilt_store(request.into) as store:
            await store.ensure(*(Collection(repository.name) for repository in repositories))
            for repository in repositories:
                if await store.count(repository.name):
                    raise errors.Conflict(f"{request.into} has records of {name} already; choose another name")
            found = await verification.rebuild(repositories, runtime.log, name, store)
            if refill:
                await refill(store)
        stored = await verification.stored_digest(repositories)
        return Rebuilt(
            service=name,
            ok=found.digest == stored and not found.flawed,
            records=found.records,
            events=found.events,
            digest=found.digest,
            stored_digest=stored,
            flaws=found.documents(),
        )

    return api
