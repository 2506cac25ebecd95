"""The loops of the roles that a process has: kept running, and ended in order."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Mapping

from common import errors, logging
from common.service import Loop, Service

_RESTART = 0.5
_log = logging.logger("loops")


class Loops:
    """Runs what services do at start, and loops of theirs until `stop`."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._services = tuple(services)
        self._running: list[asyncio.Task[None]] = []

    async def start(self, loops: Mapping[str, Loop]) -> None:
        """Run what the services do before the first request, then `loops`."""
        for service in self._services:
            if service.start:
                await service.start()
        for name, loop in loops.items():
            self._running.append(asyncio.create_task(kept(name, loop), name=name))
        # What was loaded so far lives until the end: full collections need not walk it again (architecture.md §9).
        gc.collect()
        gc.freeze()
        # A collection stops all threads, a millisecond for each thousand objects that it walks: 10 at first, then at
        # most 50 of those that outlived five.
        gc.set_threshold(10_000, 5, 50)

    def background(self) -> None:
        """What the services do once they answer."""
        for service in self._services:
            if service.ready:
                self._running.append(asyncio.create_task(_once(service.name, service.ready), name=service.name))

    async def stop(self) -> None:
        """Stop the loops; task workers let what runs end within the drain time."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def kept(name: str, loop: Loop) -> None:
    """Run a loop for ever: one that fails says so loudly and begins again, so that no role dies in silence."""
    while True:
        try:
            await loop()
            _log.error("loop ended", loop=name)
        except Exception as error:
            _log.error("loop failed", loop=name, exc_info=error)
        await asyncio.sleep(_RESTART)


async def _once(name: str, loop: Loop) -> None:
    try:
        await loop()
    except errors.AutoLearnError as error:
        _log.warning("work after start not done", service=name, error=error.detail)
