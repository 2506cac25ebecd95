"""Experiments, commits and the searchable summaries in the record store, and the questions that are asked of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from common import concurrency, errors
from common.filtering.conditions import Comparison, Condition
from common.filtering.fields import Field, Fields
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import Collection, Record, RecordStore
from common.records import references
from common.records.repository import Repository
from storage_service.model import CommitState

EXPERIMENTS = Collection("experiments", indexes=(("state.commit",), ("state.dataset_id",)))
COMMITS = Collection("commits", indexes=(("state.session",),))
_MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "log_loss",
    "r2",
    "mae",
    "mse",
    "rmse",
)
_SORTED = ("created", "committed", "name", "dataset", "algorithm", "target", "session", "seconds")
SUMMARIES = Collection(
    "experiment_summaries",
    indexes=(
        *((f"state.{name}",) for name in _SORTED),
        *((f"state.measures.{name}",) for name in _MEASURES),
    ),
)
"""The searchable summaries: the one place where they lie in clear (architecture.md §7)."""

FIELDS: Fields = {
    "id": Field("id"),
    "name": Field("state.name"),
    "tags": Field("state.tags", "list"),
    "dataset": Field("state.dataset"),
    "dataset_digest": Field("state.dataset_digest"),
    "target": Field("state.target"),
    "task": Field("state.task"),
    "algorithm": Field("state.algorithm"),
    "created": Field("state.created", "time"),
    "committed": Field("state.committed", "time"),
    "session": Field("state.session", "id"),
    "training": Field("state.training"),
    "commit": Field("state.commit"),
    "seconds": Field("state.seconds", "number"),
    "measures.*": Field("state.measures.*", "number"),
}
_PAGE = 500
_LARGE = ("sealed", "blobs", "evaluations")


class Commits:
    """Commits, and whether they are sealed."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._sealed: set[str] = set()  # sealed once is sealed for ever

    async def sealed(self, commits: Iterable[str]) -> set[str]:
        """Those of the commits that are sealed."""
        wanted = set(commits)
        found = await self.repository.store.get_many(self.repository.name, wanted - self._sealed)
        self._sealed |= {one.id for one in found.values() if one.state["state"] == CommitState.sealed}
        return wanted & self._sealed


class Experiments:
    """Experiments as people may see them: those whose commit is sealed."""

    def __init__(self, repository: Repository, commits: Commits) -> None:
        self.repository, self.commits = repository, commits

    async def resolve(self, reference: str) -> Record:
        """The visible experiment with this id or ending. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        record = await references.by_id(self.repository, reference)
        if not await self.commits.sealed([record.state["commit"]]):
            raise errors.NotFound(f"there is no experiment {reference!r}")
        return record

    async def count(self, commit: str) -> int:
        """How many experiments of a commit are there."""
        return await self.repository.store.count(self.repository.name, Comparison("state.commit", "=", commit))

    async def versions(self, commit: str) -> dict[str, int]:
        """The experiments of a commit that are there, with the version of each."""
        found: dict[str, int] = {}
        where, after = Comparison("state.commit", "=", commit), None
        while True:
            page = await self.repository.page(where=where, after=after, limit=_PAGE, without=_LARGE)
            found.update({one.id: one.version for one in page})
            if len(page) < _PAGE:
                return found
            after = page[-1].place(())

    async def using(self, dataset_id: str) -> tuple[Sequence[Record], int]:
        """Some experiments made from a dataset version, and how many there are."""
        where = Comparison("state.dataset_id", "=", dataset_id)
        count = await self.repository.store.count(self.repository.name, where)
        return await self.repository.page(where=where, limit=20), count


class Summaries:
    """The searchable summaries, which no event tells of: they can be filled again from records and keys."""

    def __init__(self, store: RecordStore, commits: Commits) -> None:
        self._store, self._commits = store, commits

    def of(self, store: RecordStore) -> Summaries:
        """The same in another store."""
        return Summaries(store, self._commits)

    async def put(self, identifier: str, row: dict[str, Any]) -> None:
        """Write the summary of an experiment, in the place of an earlier one."""
        await self._store.put_view(SUMMARIES.name, identifier, row)

    async def delete(self, identifier: str) -> None:
        """Remove the summary of an experiment. Idempotent."""
        await self._store.delete(SUMMARIES.name, identifier)

    async def versions(self, identifiers: Iterable[str]) -> dict[str, int]:
        """Of which version of each experiment there is a summary."""
        found: dict[str, int] = {}
        for some in concurrency.slices(identifiers, _PAGE):
            rows = await self._store.get_many(SUMMARIES.name, some)
            found.update({one.id: one.state["version"] for one in rows.values()})
        return found

    async def visible(
        self, where: Condition | None, sort: Sequence[SortKey], *, after: Place | None = None, limit: int | None = None
    ) -> AsyncIterator[Record]:
        """Summaries whose commit is sealed, in order; at most `limit` are looked for at a time."""
        size = min(limit or _PAGE, _PAGE + 1)
        while True:
            page = await self._store.find(SUMMARIES.name, where=where, sort=sort, after=after, limit=size)
            sealed = await self._commits.sealed(one.state["commit"] for one in page)
            for one in page:
                if one.state["commit"] in sealed:
                    yield one
            if len(page) < size:
                return
            after = page[-1].place(sort)
