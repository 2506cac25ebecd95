"""Sweeping: blobs that no version names are removed when their grace is over."""

from __future__ import annotations

import asyncio

from catalog_service.handlers import PREFIX
from catalog_service.profiles import is_kept
from common import errors, logging, times
from common.ports.blob_store import BlobInfo, BlobStore
from common.records.repository import Repository

_LONGEST = 3_600.0
_log = logging.logger("catalog")


class Sweeper:
    """Removes tables of deleted versions, and of uploads that ended before their record was made."""

    def __init__(self, records: Repository, blobs: BlobStore, *, grace: float) -> None:
        """`grace` seconds pass before a blob without owner, or of a deleted version, goes."""
        self._records, self._blobs, self._grace = records, blobs, grace

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            try:
                await self.sweep()
            except errors.AutoLearnError as error:
                _log.warning("sweeping failed", code=error.code, detail=error.detail)
            await asyncio.sleep(min(self._grace, _LONGEST))

    async def sweep(self) -> int:
        """Look at every blob once; the number of those removed."""
        limit = times.later(times.now(), -self._grace)
        removed = 0
        async for blob in self._blobs.list(PREFIX):
            if blob.modified < limit and await self._unowned(blob, limit):
                await self._blobs.delete(blob.name)
                removed += 1
        return removed

    async def _unowned(self, blob: BlobInfo, limit: str) -> bool:
        record = await self._records.find(blob.name.split("/")[1])
        if record is None:
            return True
        # The grace of a deleted version begins with its deletion: a running task may still read it.
        blobs = record.state.get("blobs", {})
        owned = blob.name in blobs.values() or ("profile" in blobs and is_kept(blob.name, blobs["profile"]))
        return not owned and record.state.get("deleted", "") < limit
