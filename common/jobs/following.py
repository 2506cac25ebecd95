"""Following a job: its states, its progress and its output, as they come, until it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from common import errors, logging
from common.contracts.jobs import Job
from common.jobs.handlers import JobHandlers
from common.jobs.model import terminal
from common.ports.record_store import Record

Seen = TypeVar("Seen")

_POLL = 1.0
_log = logging.logger("following")


class _Printed:
    """How much of a job's output has been told; every attempt prints from its beginning."""

    def __init__(self, handlers: JobHandlers) -> None:
        self._handlers, self._attempt, self._place = handlers, 0, 0

    async def news(self, record: Record) -> bytes:
        """What has been printed since the last time."""
        start, text = await self._handlers.views.output(record)
        if text and record.state["attempt"] != self._attempt:
            self._attempt, self._place = record.state["attempt"], 0
        end = start + len(text)
        if end <= self._place:
            return b""
        new = text[max(0, self._place - start) :]
        self._place = end
        return new


class Follower:
    """Streams of one kind of jobs; each ends after the terminal state."""

    def __init__(self, handlers: JobHandlers) -> None:
        self._handlers = handlers

    async def events(self, identifier: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """`state` when it changes, `progress` when it moves, `output` for every new piece of text."""
        state, progress, printed = None, None, _Printed(self._handlers)

        async def look(record: Record) -> tuple[Job, bytes]:
            return await self._handlers.views.full(record), await printed.news(record)

        async for job, text in self._changes(identifier, look):
            if job.progress and job.progress != progress:
                progress = job.progress
                yield "progress", progress.model_dump(mode="json")
            if text:
                yield "output", {"text": text.decode(errors="replace")}
            if job.state != state:
                state = job.state
                yield "state", {"state": state.value, "attempt": job.attempt, "ahead": job.ahead}

    async def output(self, identifier: str) -> AsyncIterator[bytes]:
        """The job's output as it grows."""
        async for text in self._changes(identifier, _Printed(self._handlers).news):
            if text:
                yield text

    async def _changes(self, identifier: str, look: Callable[[Record], Awaitable[Seen]]) -> AsyncIterator[Seen]:
        """What is seen of the job, again and again until it has ended; while a store is away, the stream waits."""
        async with self._handlers.runtime.notifier.listening(identifier) as changed:
            while True:
                changed.clear()
                try:
                    record = await self._handlers.jobs.get(identifier)
                    seen = await look(record)
                except errors.Unavailable as error:
                    _log.warning("stream waits", job=identifier, error=error.detail)
                else:
                    yield seen
                    if terminal(record.state):
                        return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL):
                        await changed.wait()
