"""Following a job: its states, its progress and its output, as they come, until it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from common.jobs.handlers import JobHandlers
from common.jobs.model import terminal
from common.ports.record_store import Record

_POLL = 1.0


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
        async for record in self._changes(identifier):
            job = await self._handlers.views.full(record)
            text = await printed.news(record)
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
        printed = _Printed(self._handlers)
        async for record in self._changes(identifier):
            if text := await printed.news(record):
                yield text

    async def _changes(self, identifier: str) -> AsyncIterator[Record]:
        async with self._handlers.runtime.notifier.listening(identifier) as changed:
            while True:
                changed.clear()
                record = await self._handlers.jobs.get(identifier)
                yield record
                if terminal(record.state):
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL):
                        await changed.wait()
