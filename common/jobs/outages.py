"""Waiting for engines and services that are away: an outage costs a job time, and no attempt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common import errors, logging
from common.contracts.jobs import JobState
from common.jobs.handlers import JobHandlers

Result = TypeVar("Result")

_LONGEST = 600.0
"""Seconds for which a job waits; it holds a slot meanwhile."""
_log = logging.logger("outages")


class Outages:
    """Outlasts them for the jobs of one kind."""

    def __init__(self, handlers: JobHandlers) -> None:
        self._handlers = handlers

    async def outlast(self, job: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """What `call` gives, which is called again while it raises `errors.Unavailable`.

        Not for ever, and no longer than until the job is cancelled: then the error is the caller's.
        """
        until = time.monotonic() + _LONGEST
        while True:
            try:
                return await call()
            except errors.Unavailable as error:
                if time.monotonic() >= until or await self._cancelling(job):
                    raise
                _log.warning("job waits", job=job, error=error.detail)
                await asyncio.sleep(self._handlers.runtime.settings.sweep)

    async def _cancelling(self, job: str) -> bool:
        try:
            return (await self._handlers.states([job])).get(job) == JobState.cancelling
        except errors.Unavailable:  # of the record store: nobody can have cancelled it
            return False
