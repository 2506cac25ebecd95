"""Use cases of the catalogue: a version is made, looked at, read as other types, deleted."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from catalog_service import model
from catalog_service.clients import Referrers
from catalog_service.model import DatasetState
from catalog_service.profiles import Profiles
from catalog_service.repository import AVAILABLE, Datasets, shown
from catalog_service.tables import Tables
from catalog_service.uploads import Received
from common import errors, ids, times
from common.contracts.base import Page
from common.contracts.datasets import DatasetChange, DatasetVersion, Preview, Profile, UploadOptions
from common.http.paging import Listing
from common.ports.blob_store import BlobStore
from common.ports.keyring import Keyring
from common.ports.record_store import Record
from common.ports.task_runner import TaskOutcome
from common.records import sealed_blobs
from common.records.event import canonical
from common.records.repository import Decision

PREFIX = "catalog/"
_TRIES = 100


@dataclass(frozen=True)
class Made:
    """A version, and whether this request made it (`created`) or an earlier one with the same key (`replayed`)."""

    dataset: DatasetVersion
    created: bool = False
    replayed: bool = False


class Handlers:
    """What can be done with datasets."""

    def __init__(
        self, datasets: Datasets, *, blobs: BlobStore, tables: Tables, referrers: Referrers, keyring: Keyring
    ) -> None:
        self.datasets, self._records = datasets, datasets.records
        self._blobs, self._tables, self._referrers, self._keyring = blobs, tables, referrers, keyring
        self._profiles = Profiles(blobs, tables)

    async def upload(
        self,
        file: Received,
        name: str,
        options: UploadOptions,
        *,
        key: str | None = None,
        identifier: str | None = None,
    ) -> Made:
        """Read a file as a table and keep it as the next version of `name`, or find the version that it is already.

        `key` is an idempotency key, `identifier` the id of a version that is made at most once. Raises `errors.Invalid`
        for the name, `errors.BadData` for the file, `errors.KeyReused`.
        """
        name = model.normalised(name)
        stamp = self._stamp(key, {"name": name, "file": file.digest, "options": options.model_dump(mode="json")})
        if (before := await self._replayed(stamp)) is not None:
            return before
        async with self._tables.parsed(file.path, options) as outcome:
            source = {"file_digest": file.digest, "size": file.size, **stamp}
            return await self._kept(name, outcome, source, "dataset.uploaded", identifier)

    async def change(self, reference: str, change: DatasetChange, *, key: str | None = None) -> Made:
        """Make a version of the same table whose columns have other types. Raises `errors.Invalid` for columns."""
        stamp = self._stamp(key, {"of": reference, "columns": change.model_dump(mode="json")})
        if (before := await self._replayed(stamp)) is not None:
            return before
        record = await self.datasets.resolve(reference)
        _check_columns(change, record)
        columns = [{"name": column.name, "type": column.type.value} for column in change.columns]
        kept = {name: record.state[name] for name in ("file_digest", "size", "options")}
        source = {**kept, "changed_from": record.id, **stamp}
        async with (
            sealed_blobs.named(self._blobs, record.state["blobs"]["table"]) as path,
            self._tables.retyped(path, columns) as outcome,
        ):
            return await self._kept(
                record.state["name"], outcome, source, "dataset.changed", None, record.state["notes"]
            )

    async def page(self, listing: Listing) -> Page[DatasetVersion]:
        """One page of the versions that are there."""
        records = await self._records.page(**listing.query(AVAILABLE))
        return Page(items=[shown(record) for record in records[: listing.limit]], next=listing.next(records))

    async def show(self, reference: str) -> DatasetVersion:
        """One version. Raises `errors.NotFound`, `errors.AmbiguousReference`, as everything that takes a reference."""
        return shown(await self.datasets.resolve(reference))

    async def source(self, reference: str) -> tuple[DatasetVersion, str]:
        """One version, and the blob that holds its table as Parquet."""
        record = await self.datasets.resolve(reference)
        return shown(record), record.state["blobs"]["table"]

    async def preview(self, reference: str, rows: int) -> Preview:
        """The first rows, at most `rows` and at most as many as were kept for it."""
        return await self._profiles.preview(await self.datasets.resolve(reference), rows)

    async def profile(self, reference: str, target: str | None = None) -> Profile:
        """Figures of each column, and how they go together, with `target` above all (else `errors.Invalid`)."""
        return await self._profiles.of(await self.datasets.resolve(reference), target)

    async def content(self, reference: str, format: str) -> tuple[DatasetVersion, AsyncIterator[bytes]]:
        """The whole table as a stream of `csv`, `parquet` or `arrow`."""
        dataset, blob = await self.source(reference)
        if format == "parquet":
            return dataset, self._blobs.read(blob)
        async with sealed_blobs.named(self._blobs, blob) as path, self._tables.exported(path, format) as outcome:
            # Opened here and read after the work folder is gone: nothing is left to clean up behind a stream
            # whose reader goes away.
            return dataset, _pieces(outcome.outputs["content"].open("rb"))

    async def delete(self, reference: str, *, all_versions: bool, key: str | None = None) -> None:
        """Delete one version, or all of a bare name. Raises `errors.InUse` with what refers to them, and deletes none.

        A repeat of the same request finishes what the first began, and deletes nothing that was made since.
        """
        stamp = self._keyring.fingerprint("idempotency", key.encode()) if key else None
        begun = await self.datasets.deleted_by(stamp) if stamp else None
        if begun is None:
            records = await self._doomed(reference, all_versions)
        elif all_versions:
            versions = await self.datasets.versions(begun.state["name"])
            records = [one for one in versions if one.state["created"] <= begun.state["deleted"]]
        else:
            return
        for record in records:
            found, count = await self._referrers.of(record.id)
            if count:
                what = f"{record.state['name']}@{record.state['version']}"
                raise errors.InUse(
                    f"{what} is used by {count} other things, such as {found[0]}" if found else f"{what} is used",
                    extra={"referrers": found, "count": count},
                )
        for record in records:
            await self._records.decide(record.id, lambda now: _deletion(now, stamp))

    async def _kept(
        self,
        name: str,
        outcome: TaskOutcome,
        source: Mapping[str, Any],
        event: str,
        identifier: str | None,
        earlier: Sequence[str] = (),
    ) -> Made:
        """The next version of `name` from what a child has found, unless that version is there already.

        `earlier` are the notes of the version that it was made from.
        """
        result = outcome.result or {}
        # Retyping reads no file: what it makes was read as its source was.
        found = result["metadata"]
        table = {
            **found,
            "digest": f"sha256:{found['digest']}",
            "options": found["options"] or source["options"],
            "notes": list(dict.fromkeys([*earlier, *found["notes"]])),
        }
        if (same := await self.datasets.same(name, table)) is not None:
            return Made(shown(same))
        new = identifier or ids.new_id("ds")
        blobs = {"table": f"{PREFIX}{new}/table.parquet", "profile": f"{PREFIX}{new}/profile.json"}
        await self._blobs.put_file(blobs["table"], outcome.outputs["table"])
        described = {"preview": result["preview"], "profile": result["profile"]}
        await self._blobs.put_bytes(blobs["profile"], json.dumps(described, allow_nan=False).encode())
        for _ in range(_TRIES):
            # In this order: what somebody else makes in between is found, or its number collides with ours.
            version = 1 + await self.datasets.last_number(name)
            if (same := await self.datasets.same(name, table)) is not None:
                return Made(shown(same))  # our blobs have no owner: the sweeper takes them
            state = {**source, **model.new_version(name, version, table, created=times.now()), "blobs": blobs}
            try:
                return Made(shown(await self._records.create(new, event, state)), created=True)
            except errors.AlreadyExists as error:
                if error.extra["field"] == "id":
                    return Made(shown(await self._records.get(new)))
                if error.extra["field"] == "state.key" and (before := await self._replayed(source)) is not None:
                    return before
        raise errors.Unavailable(f"too many versions of {name} are made at once", retry_after=1)

    async def _doomed(self, reference: str, all_versions: bool) -> list[Record]:
        if not all_versions:
            return [await self.datasets.resolve(reference)]
        wanted = model.reference(reference)
        if not wanted.bare or not wanted.name:
            raise errors.BadRequest(f"all=true goes with a bare name, not with {reference!r}")
        records = await self.datasets.versions(wanted.name)
        if not records:
            raise errors.NotFound(f"there is no dataset {reference!r}")
        return records

    def _stamp(self, key: str | None, request: Mapping[str, Any]) -> dict[str, str]:
        """What the made record keeps of the idempotency key and the request that came with it."""
        if key is None:
            return {}
        return {
            "key": self._keyring.fingerprint("idempotency", key.encode()),
            "key_request": self._keyring.fingerprint("idempotency", canonical(request)),
        }

    async def _replayed(self, stamp: Mapping[str, Any]) -> Made | None:
        record = await self.datasets.made_by(stamp["key"]) if "key" in stamp else None
        if record is None:
            return None
        if record.state["key_request"] != stamp["key_request"]:
            raise errors.KeyReused()
        return Made(shown(record), replayed=True)


def _deletion(record: Record, stamp: str | None) -> Decision | None:
    if record.state["state"] == DatasetState.deleted:
        return None
    data = {"blobs": None, "deleted": times.now(), **({"deletion_key": stamp} if stamp else {})}
    return Decision("dataset.deleted", data)


def _check_columns(change: DatasetChange, record: Record) -> None:
    known = {column["name"] for column in record.state["columns"]}
    flaws, seen = [], set[str]()
    for index, column in enumerate(change.columns):
        if column.name not in known:
            near = tuple(difflib.get_close_matches(column.name, known))
            detail = f"there is no column {column.name!r}"
            flaws.append(errors.Flaw(f"/columns/{index}/name", "unknown_column", detail, near))
        elif column.name in seen:
            flaws.append(errors.Flaw(f"/columns/{index}/name", "duplicate", f"{column.name!r} is there twice"))
        seen.add(column.name)
    if flaws:
        raise errors.Invalid("; ".join(flaw.detail for flaw in flaws), flaws=flaws)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, 1 << 20):
            yield piece
