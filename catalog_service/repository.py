"""The questions that are asked of the stored dataset versions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from catalog_service import model
from catalog_service.model import DatasetState
from common import errors
from common.contracts.datasets import DatasetVersion
from common.filtering.conditions import And, Comparison, Condition
from common.filtering.fields import Field, Fields
from common.filtering.sorting import SortKey
from common.ports.record_store import Collection, Record
from common.records import references
from common.records.repository import Repository

COLLECTION = Collection(
    "datasets",
    indexes=(
        ("state.created",),
        ("state.name", "state.version"),
        ("state.name", "state.digest"),
        ("state.rows",),
        ("state.deletion_key",),
    ),
    unique=("state.slot", "state.key"),
)
FIELDS: Fields = {
    "id": Field("id"),
    "name": Field("state.name"),
    "version": Field("state.version", "number"),
    "digest": Field("state.digest"),
    "file_digest": Field("state.file_digest"),
    "rows": Field("state.rows", "number"),
    "size": Field("state.size", "number"),
    "created": Field("state.created", "time"),
}
AVAILABLE = Comparison("state.state", "=", DatasetState.available.value)
_NEWEST = (SortKey("state.version", descending=True),)


def shown(record: Record) -> DatasetVersion:
    """The version as people see it."""
    return DatasetVersion.model_validate({"id": record.id, **record.state})


class Datasets:
    """Dataset versions by what people call them."""

    def __init__(self, records: Repository) -> None:
        self.records = records
        self.coming: set[str] = set()  # names that are being carried in and will be there in a moment

    async def resolve(self, text: str) -> Record:
        """The available version that a reference names.

        Raises `errors.NotFound` (with near misses), `errors.AmbiguousReference` for a digest or ending of several, and
        `errors.Unavailable` for one that is just being carried in.
        """
        wanted = model.reference(text)
        record = await (self.records.find(wanted.id) if wanted.id else self._named(wanted))
        if record is None and wanted.bare:
            record = await self._by_ending(text)
        if record is None and wanted.name in self.coming:
            raise errors.Unavailable(f"the dataset {wanted.name} is being carried in; try again", retry_after=1)
        if record is None:
            raise errors.NotFound(await self._missing(wanted))
        if record.state["state"] != DatasetState.available:
            raise errors.NotFound(f"the dataset {text!r} was deleted")
        return record

    async def versions(self, name: str) -> list[Record]:
        """All available versions of a name, newest first."""
        return await self._all(And((Comparison("state.name", "=", name), AVAILABLE)))

    async def made_by(self, key: str) -> Record | None:
        """The version that the request with this (hashed) idempotency key made, whatever became of it."""
        return await self._first(Comparison("state.key", "=", key))

    async def deleted_by(self, key: str) -> Record | None:
        """A version that the request with this (hashed) idempotency key deleted."""
        return await self._first(Comparison("state.deletion_key", "=", key))

    async def last_number(self, name: str) -> int:
        """The highest version number that a name ever had, deleted ones too; 0 for a new name."""
        found = await self.records.page(where=Comparison("state.name", "=", name), sort=_NEWEST, limit=1)
        return int(found[0].state["version"]) if found else 0

    async def same(self, name: str, table: Mapping[str, Any]) -> Record | None:
        """The newest version that holds this table already, read with the same options."""
        where = And((Comparison("state.name", "=", name), Comparison("state.digest", "=", table["digest"])))
        return next((record for record in await self._all(where) if model.same_table(record.state, table)), None)

    async def _named(self, wanted: model.Reference) -> Record | None:
        parts: list[Condition] = [Comparison("state.name", "=", wanted.name)]
        if wanted.version is not None:
            parts.append(Comparison("state.version", "=", wanted.version))
        else:
            parts.append(AVAILABLE)
        if wanted.digest is not None:
            parts += [
                Comparison("state.digest", ">=", wanted.digest),
                Comparison("state.digest", "<", wanted.digest + "~"),
            ]
        found = await self.records.page(where=And(tuple(parts)), sort=_NEWEST, limit=10)
        if wanted.digest is not None and len({record.state["digest"] for record in found}) > 1:
            candidates = [f"{record.state['name']}@{record.state['digest']}" for record in found]
            raise errors.AmbiguousReference(
                f"{wanted.text!r} fits several versions; write more of the digest",
                extra={"candidates": candidates},
            )
        return found[0] if found else None

    async def _first(self, where: Condition) -> Record | None:
        found = await self.records.page(where=where, limit=1)
        return found[0] if found else None

    async def _by_ending(self, text: str) -> Record | None:
        try:
            return await references.by_id(self.records, text)
        except errors.NotFound:
            return None

    async def _missing(self, wanted: model.Reference) -> str:
        versions = await self.versions(wanted.name) if wanted.name else []
        if versions:
            there = ", ".join(str(record.state["version"]) for record in reversed(versions[:20]))
            return f"there is no dataset {wanted.text!r}; {wanted.name} has the versions {there}"
        recent = await self.records.page(where=AVAILABLE, sort=(SortKey("state.created", descending=True),), limit=500)
        near = difflib.get_close_matches(wanted.name or "", {record.state["name"] for record in recent}, n=1)
        return f"there is no dataset {wanted.text!r}" + (f"; did you mean {near[0]!r}?" if near else "")

    async def _all(self, where: Condition) -> list[Record]:
        found: list[Record] = []
        while True:
            after = found[-1].place(_NEWEST) if found else None
            page = await self.records.page(where=where, sort=_NEWEST, after=after, limit=500)
            found.extend(page)
            if len(page) < 500:
                return found
