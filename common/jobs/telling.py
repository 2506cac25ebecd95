"""What a running job tells: heartbeat, progress and output, kept in the envelope of its record under its lease."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Callable
from typing import Any, Self

from common import context, errors, times
from common.contracts.jobs import Progress
from common.jobs.handlers import JobHandlers
from common.records.sealing import DataKey

_PACE = 0.25  # seconds between two writes: people cannot read faster, and small jobs write none at all
_TAIL = 16 * 1024  # bytes of output that can be read while the job runs; the whole is kept at its end


class Telling:
    """Renews the lease of one attempt and shows its progress and the tail of its output, until the block is left.

    When the lease turns out to be somebody else's, `lost` is called: this attempt is stale and must stop.
    """

    def __init__(self, handlers: JobHandlers, job: str, key: DataKey, token: str) -> None:
        self._handlers, self._job, self._key, self._token = handlers, job, key, token
        self._progress: Progress | None = None
        self._printed = bytearray()
        self._news = asyncio.Event()
        self.lost: Callable[[], object] = lambda: None
        self._task: asyncio.Task[None] | None = None

    @property
    def printed(self) -> bytes:
        """Everything that was printed (bounded by the task's limit)."""
        return bytes(self._printed)

    def progress(self, progress: Progress) -> None:
        """The job is at this step."""
        self._progress = progress
        self._news.set()

    def output(self, text: bytes) -> None:
        """The job has printed this."""
        self._printed += text
        self._news.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        settings = self._handlers.runtime.settings
        beat = time.monotonic() + settings.heartbeat
        while True:
            await asyncio.sleep(_PACE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, beat - time.monotonic())):
                    await self._news.wait()
            changes = self._changes() if self._news.is_set() else {}
            self._news.clear()
            if time.monotonic() >= beat:
                beat = time.monotonic() + settings.heartbeat
                changes["lease.until"] = times.later(times.now(), settings.lease)
            with contextlib.suppress(errors.Unavailable, errors.StorageFull), context.use(context.current()):
                kept = await self._handlers.jobs.store.touch(
                    self._handlers.jobs.name,
                    self._job,
                    envelope_set=changes,
                    guard={"envelope.lease.token": self._token},
                )
                if not kept:
                    self.lost()
                    return
                self._handlers.runtime.notifier.ring(self._job)

    def _changes(self) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if self._progress:
            changes["progress"] = self._key.seal(self._job, "progress", self._progress.model_dump(mode="json"))
        if self._printed:
            start = max(0, len(self._printed) - _TAIL)
            tail = base64.b64encode(self._printed[start:]).decode()
            changes["output"] = {"start": start, "token": self._key.seal(self._job, "output", tail)}
        return changes
