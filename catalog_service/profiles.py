"""Profiles: what was said of the columns when the table was read, and how they go together, computed when asked for."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
from typing import Any

from catalog_service.tables import Tables
from common import errors
from common.contracts.datasets import Preview, Profile
from common.ports.blob_store import BlobStore
from common.ports.record_store import Record
from common.records import sealed_blobs

_LIMIT = 64 * 2**20
_METHOD = 1
"""Goes up when the figures are computed in another way: what was kept of the way before is swept."""


class Profiles:
    """The profiles of dataset versions.

    What is computed once is kept with the version, one blob a target, until the version is deleted.
    """

    def __init__(self, blobs: BlobStore, tables: Tables) -> None:
        self._blobs, self._tables = blobs, tables

    async def preview(self, record: Record, rows: int) -> Preview:
        """The first rows, at most `rows` and at most as many as were kept for it."""
        found = (await self._described(record))["preview"]
        return Preview(columns=found["columns"], rows=found["rows"][:rows])

    async def of(self, record: Record, target: str | None) -> Profile:
        """The figures of each column, and how the columns go together, with `target` above all.

        Raises `errors.Invalid` for a target that is no column, or cannot be one.
        """
        if target is not None:
            _check_target(target, record.state["columns"])
        described = (await self._described(record))["profile"]
        return Profile.model_validate({**described, **await self._explored(record, target)})

    async def _explored(self, record: Record, target: str | None) -> dict[str, Any]:
        name = _explored_name(record.state["blobs"]["profile"], target)
        with contextlib.suppress(errors.NotFound):
            kept: dict[str, Any] = json.loads(await self._blobs.get_bytes(name, _LIMIT))
            return kept
        async with (
            sealed_blobs.named(self._blobs, record.state["blobs"]["table"]) as table,
            sealed_blobs.named(self._blobs, record.state["blobs"]["profile"]) as profile,
        ):
            found = await self._tables.explored(table, profile, target)
        # Only so that it need not be computed again: on a full disk, or after somebody else, the answer is as good.
        with contextlib.suppress(errors.StorageFull, errors.Conflict):
            await self._blobs.put_bytes(name, json.dumps(found, allow_nan=False).encode())
        return found

    async def _described(self, record: Record) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._blobs.get_bytes(record.state["blobs"]["profile"], _LIMIT))
        return found


def is_kept(blob: str, profile: str) -> bool:
    """Whether a blob was computed, as this program does it, for the version whose profile is the blob `profile`."""
    return blob.startswith(f"{_folder(profile)}explored-{_METHOD}-")


def _explored_name(profile: str, target: str | None) -> str:
    which = hashlib.sha256(json.dumps(target).encode()).hexdigest()[:32]
    return f"{_folder(profile)}explored-{_METHOD}-{which}.json"


def _folder(blob: str) -> str:
    return blob[: blob.rindex("/") + 1]


def _check_target(target: str, columns: list[dict[str, Any]]) -> None:
    column = next((column for column in columns if column["name"] == target), None)
    if column is None:
        near = tuple(difflib.get_close_matches(target, [each["name"] for each in columns]))
        detail = f"there is no column {target!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        raise errors.Invalid(detail, flaws=[errors.Flaw("/target", "unknown_column", detail, near)])
    if column["type"] == "datetime":
        detail = f"column {target!r} is datetime, which cannot be predicted"
        raise errors.Invalid(detail, flaws=[errors.Flaw("/target", "column_type", detail)])
