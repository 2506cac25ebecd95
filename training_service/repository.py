"""Searches in the record store, and the questions that are asked of them; those about trainings are the jobs' own."""

from __future__ import annotations

from collections.abc import Sequence

from common.contracts.jobs import JobState
from common.filtering.conditions import And, Comparison, In
from common.filtering.fields import Field, Fields
from common.filtering.sorting import SortKey
from common.ports.record_store import Collection, Record
from common.records.repository import Repository
from common.runtime import Runtime
from training_service.model import SEARCHES

COLLECTION = Collection(
    "searches",
    indexes=(
        ("state.state", "state.created"),
        ("state.created",),
        ("state.session", "state.created"),
        ("state.dataset_id",),
    ),
    unique=("state.idempotency_key",),
)
FIELDS: Fields = {
    "state": Field("state.state"),
    "session": Field("state.session", "id"),
    "dataset": Field("state.dataset"),
    "algorithm": Field("state.algorithm"),
    "method": Field("state.method"),
    "created": Field("state.created", "time"),
    "started": Field("state.started", "time"),
    "ended": Field("state.ended", "time"),
}
TRIAL_FIELDS: Fields = {
    "rank": Field("rank", "number"),
    "number": Field("number", "number"),
    "rung": Field("rung", "number"),
    "state": Field("state"),
    "algorithm": Field("algorithm"),
    "value": Field("value", "number"),
    "seconds": Field("seconds", "number"),
}
"""Paths of `Trial` documents: these lists are filtered after what they show is opened."""
_LIVE = (JobState.queued.value, JobState.running.value, JobState.cancelling.value)
_OLDEST = (SortKey("state.created"),)
_PAGE = 500


def searches(runtime: Runtime) -> Repository:
    """The records of all searches."""
    return runtime.repository(COLLECTION, source="training", lifecycle=SEARCHES)


async def live(repository: Repository) -> Sequence[Record]:
    """Searches that have not ended, the oldest first."""
    return await repository.page(where=In("state.state", _LIVE), sort=_OLDEST, limit=_PAGE, without=("sealed",))


async def using(repository: Repository, dataset_id: str) -> tuple[Sequence[Record], int]:
    """Some searches that will still need a dataset, and how many there are."""
    where = And((Comparison("state.dataset_id", "=", dataset_id), In("state.state", _LIVE)))
    return await repository.page(where=where, limit=20), await repository.store.count(repository.name, where)


async def trials(trainings: Repository, search: str) -> list[Record]:
    """The trainings of a search, without what their lists do not show."""
    where, left_out = Comparison("state.search", "=", search), ("sealed.request", "sealed.result", "sealed.attempt_key")
    found: list[Record] = []
    while True:
        page = await trainings.page(
            where=where,
            sort=_OLDEST,
            after=found[-1].place(_OLDEST) if found else None,
            limit=_PAGE,
            without=left_out,
        )
        found += page
        if len(page) < _PAGE:
            return found
