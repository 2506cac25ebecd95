"""Filling the searchable summaries again, at start where a write was cut off, and in a store rebuilt from the log."""

from __future__ import annotations

from common import errors, logging
from common.ports.record_store import Record, RecordStore
from storage_service.repository import EXPERIMENTS, SUMMARIES, Summaries
from storage_service.views import Opener

_BATCH = 500
_log = logging.logger("refilling")


class Refilling:
    """Makes the summaries that are missing or of an older version than their experiment."""

    def __init__(self, store: RecordStore, summaries: Summaries, opener: Opener) -> None:
        self._store, self._summaries, self._opener = store, summaries, opener

    async def run(self) -> None:
        """Look through all experiments."""
        await self._fill(self._store, self._summaries)

    async def into(self, store: RecordStore) -> None:
        """Fill a store into which the experiments have just been rebuilt."""
        await store.ensure(SUMMARIES)
        await self._fill(store, self._summaries.of(store))

    async def _fill(self, store: RecordStore, summaries: Summaries) -> None:
        batch: list[Record] = []
        async for record in store.scan(EXPERIMENTS.name, _BATCH):
            batch.append(record)
            if len(batch) == _BATCH:
                await self._renew(batch, summaries)
                batch = []
        await self._renew(batch, summaries)

    async def _renew(self, records: list[Record], summaries: Summaries) -> None:
        there = await summaries.versions(record.id for record in records)
        for record in records:
            if there.get(record.id) == record.version:
                continue
            try:
                await summaries.put(record.id, (await self._opener.open(record)).row())
            except errors.Gone:
                await summaries.delete(record.id)  # erased: what is known of it in clear must not come back
            except errors.AutoLearnError as error:
                _log.warning("no summary of experiment", experiment=record.id, error=error.detail)
