"""The event role: summaries go with their keys, and blobs that no experiment names are swept."""

from __future__ import annotations

import asyncio

from common import errors, logging, times
from common.jobs.keys import SessionKeys
from common.runtime import Runtime
from storage_service.repository import Experiments, Summaries

_SWEEP_EVERY = 3_600.0
_PREFIX = "storage/"
_log = logging.logger("storage_events")


class StorageEvents:
    """The loop of this role."""

    def __init__(self, runtime: Runtime, *, experiments: Experiments, summaries: Summaries, keys: SessionKeys) -> None:
        self._runtime, self._experiments, self._summaries, self._keys = runtime, experiments, summaries, keys

    async def run(self) -> None:
        """Listen and sweep until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen())
            both.create_task(self._sweep())

    async def forget(self) -> None:
        """Forget destroyed keys, until cancelled."""
        # A queue of this instance alone: every process must forget.
        queue = f"storage.keys.{self._runtime.instance}"
        async with self._runtime.listen("storage", queue, ["key.destroyed"], prefetch=64) as heard:
            async for delivery in heard:
                self._keys.forget(delivery.bell.ids["owner"])
                await delivery.ack()

    async def _listen(self) -> None:
        async with self._runtime.listen("storage", "storage.events", ["key.destroyed"], prefetch=8) as heard:
            async for delivery in heard:
                try:
                    await self.key_destroyed(delivery.bell.ids["owner"])
                    await delivery.ack()
                except errors.AutoLearnError as error:
                    _log.warning("bell not handled", bell=delivery.bell.kind, error=error.detail)
                    await delivery.reject()

    async def key_destroyed(self, owner: str) -> None:
        """What was known in clear of an experiment goes with its key."""
        self._keys.forget(owner)
        if owner.startswith("exp_"):
            await self._summaries.delete(owner)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.sweep_blobs(grace=self._runtime.settings.blob_grace)
            except errors.AutoLearnError as error:
                _log.warning("blobs not swept", error=error.detail)
            await asyncio.sleep(_SWEEP_EVERY)

    async def sweep_blobs(self, *, grace: float) -> int:
        """Delete blobs of this service that are `grace` seconds old and named by no experiment; how many."""
        before = times.later(times.now(), -grace)
        deleted = 0
        async for blob in self._runtime.blobs.list(_PREFIX):
            if blob.modified > before:
                continue
            record = await self._experiments.repository.find(blob.name.split("/")[1])
            if record is None or blob.name not in record.state["blobs"].values():
                await self._runtime.blobs.delete(blob.name)
                deleted += 1
        return deleted
