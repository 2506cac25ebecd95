"""Named questions about jobs over the record store."""

from __future__ import annotations

from collections.abc import Sequence

from common import times
from common.contracts.jobs import JobState
from common.filtering.conditions import And, Comparison, In, Not, Or
from common.filtering.fields import Field, Fields
from common.filtering.sorting import SortKey
from common.jobs.model import lifecycle
from common.ports.record_store import Collection, Record
from common.records.repository import Repository
from common.runtime import Runtime

FIELDS: Fields = {
    "state": Field("state.state"),
    "session": Field("state.session", "id"),
    "dataset": Field("state.dataset"),
    "algorithm": Field("state.algorithm"),
    "training": Field("state.training", "id"),
    "search": Field("state.search"),
    "created": Field("state.created", "time"),
    "started": Field("state.started", "time"),
    "ended": Field("state.ended", "time"),
}
_LIVE = (JobState.running.value, JobState.cancelling.value)
_OLDEST = (SortKey("state.created"),)


def repository(runtime: Runtime, kind: str) -> Repository:
    """The records of all jobs of one kind."""
    return runtime.repository(
        Collection(
            f"{kind}s",
            indexes=(
                ("state.state", "state.created"),
                ("state.created",),
                ("state.session", "state.created"),
                ("state.dataset_id",),
                ("state.search", "state.created"),
            ),
            unique=("state.idempotency_key",),
        ),
        source=kind,
        lifecycle=lifecycle(kind),
    )


async def by_key(jobs: Repository, fingerprint: str) -> Record | None:
    """The job that was made with this idempotency key."""
    found = await jobs.page(where=Comparison("state.idempotency_key", "=", fingerprint), limit=1)
    return found[0] if found else None


async def waiting(jobs: Repository, *, limit: int = 8) -> Sequence[Record]:
    """The oldest jobs that wait for a worker."""
    return await jobs.page(where=Comparison("state.state", "=", JobState.queued.value), sort=_OLDEST, limit=limit)


async def abandoned(jobs: Repository, *, instance: str, exclusive: bool, limit: int = 8) -> Sequence[Record]:
    """Jobs whose worker has not been heard of for longer than its lease, the oldest first.

    `exclusive`: this process is the only one on the store, so that a lease of anybody else is a dead one's.
    """
    lost = Comparison("envelope.lease.until", "<", times.now())
    theirs = Not(Comparison("envelope.lease.holder", "=", instance))
    where = And((In("state.state", _LIVE), Or((lost, theirs)) if exclusive else lost))
    return await jobs.page(where=where, sort=_OLDEST, limit=limit)


async def ahead(jobs: Repository, record: Record) -> int:
    """How many jobs of this kind wait in front of this one."""
    return await jobs.store.count(
        jobs.name,
        And(
            (
                Comparison("state.state", "=", JobState.queued.value),
                Comparison("state.created", "<", record.state["created"]),
            )
        ),
    )


async def queued(jobs: Repository) -> int:
    """How many jobs of this kind wait."""
    return await jobs.store.count(jobs.name, Comparison("state.state", "=", JobState.queued.value))


async def unfinished(jobs: Repository) -> int:
    """How many jobs of this kind wait or run."""
    return await jobs.store.count(jobs.name, In("state.state", (JobState.queued.value, *_LIVE)))


async def using(jobs: Repository, dataset_id: str) -> tuple[Sequence[Record], int]:
    """Some jobs that use a dataset and are not removed, and how many there are."""
    where = And((Comparison("state.dataset_id", "=", dataset_id), Comparison("state.removed", "=", None)))
    return await jobs.page(where=where, sort=_OLDEST, limit=20), await jobs.store.count(jobs.name, where)
