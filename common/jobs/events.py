"""Events of job services: every process wakes waiting clients and forgets destroyed keys; the event role sweeps blobs
that no record names.
"""

from __future__ import annotations

import asyncio
import time

from common import errors, logging, times
from common.jobs.handlers import JobHandlers

_log = logging.logger("job_events")
_SWEEP_EVERY = 3_600.0


class JobEvents:
    """Hears the bells of one kind of jobs."""

    def __init__(self, handlers: JobHandlers, service: str | None = None) -> None:
        """`service` where it is not called as the kind."""
        self._handlers, self._runtime = handlers, handlers.runtime
        self._service = service or handlers.kind

    async def listen(self) -> None:
        """Hear what this process must know, until cancelled."""
        kind = self._handlers.kind
        kinds = [f"{kind}.finished", "key.destroyed"]
        # A queue of this instance alone: every process must hear, whoever waits may wait anywhere.
        queue = f"{kind}.events.{self._runtime.instance}"
        async with self._runtime.listen(self._service, queue, kinds, prefetch=64) as heard:
            async for delivery in heard:
                await delivery.ack()
                if delivery.bell.kind == "key.destroyed":
                    self._handlers.keys.forget(delivery.bell.ids["owner"])
                else:
                    self._runtime.notifier.ring(delivery.bell.ids["job"])

    async def sweep(self) -> None:
        """Sweep blobs every hour, until cancelled."""
        while True:
            started = time.monotonic()
            try:
                await self.sweep_blobs()
            except errors.AutoLearnError as error:
                _log.warning("blobs not swept", error=error.detail)
            await asyncio.sleep(max(1.0, _SWEEP_EVERY - (time.monotonic() - started)))

    async def sweep_blobs(self) -> int:
        """Delete blobs under this service's prefix that are old enough and named by no record; how many."""
        kind, jobs = self._handlers.kind, self._handlers.jobs
        before = times.later(times.now(), -self._runtime.settings.blob_grace)
        deleted = 0
        async for blob in self._runtime.blobs.list(f"{kind}/"):
            if blob.modified > before:
                continue
            record = await jobs.find(blob.name.split("/")[1])
            if record is None or blob.name not in record.state.get("blobs", {}).values():
                await self._runtime.blobs.delete(blob.name)
                deleted += 1
        return deleted
