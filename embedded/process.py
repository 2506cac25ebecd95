"""The embedded platform: builds the services on one runtime, runs their loops, and opens the one door."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import catalog_service.bootstrap
import evaluation_service.bootstrap
import gateway_service.bootstrap
import session_service.bootstrap
import storage_service.bootstrap
import training_service.bootstrap
from common import errors, logging
from common.runtime import Runtime, open_runtime
from common.service import Loop, Service
from common.settings import Settings
from gateway_service.front import Front

BUILDERS = (
    catalog_service.bootstrap.build,
    training_service.bootstrap.build,
    evaluation_service.bootstrap.build,
    session_service.bootstrap.build,
    storage_service.bootstrap.build,
)
_log = logging.logger("embedded")
_RESTART = 0.5


class Platform:
    """The running platform; `door` is the application that listens."""

    def __init__(self, runtime: Runtime, services: list[Service], door: Front) -> None:
        self.runtime, self.services, self.door = runtime, services, door
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Run what services do at start, then their loops."""
        for service in self.services:
            if service.start:
                await service.start()
        for service in self.services:
            for name, loop in {**service.event_loops, **service.task_loops}.items():
                self._loops.append(asyncio.create_task(_kept(name, loop), name=name))
        # What was loaded so far lives until the end: full collections need not walk it again (architecture.md §9).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    def background(self) -> None:
        """What services do once the platform answers."""
        for service in self.services:
            if service.ready:
                self._loops.append(asyncio.create_task(_once(service.name, service.ready), name=service.name))

    async def stop(self) -> None:
        """Stop the loops; task workers let what runs end within the drain time."""
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)


async def _kept(name: str, loop: Loop) -> None:
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


@contextlib.asynccontextmanager
async def platform(settings: Settings) -> AsyncIterator[Platform]:
    """The platform on the data folder of `settings`, started; errors as `open_runtime`."""
    async with open_runtime(settings) as runtime:
        services = [build(runtime) for build in BUILDERS]
        gateway = gateway_service.bootstrap.build(runtime)
        services.append(gateway)
        door = Front({service.name: service.app for service in services}, allowed_hosts=settings.allowed_hosts)
        await runtime.start()
        running = Platform(runtime, services, door)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()


def announce(folder: Path, url: str) -> None:
    """Write `server.json`, by which clients of this user find the platform."""
    temporary = folder / "server.json.new"
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    temporary.rename(folder / "server.json")


def withdraw(folder: Path) -> None:
    """Remove `server.json` if it is this process's: a start that was refused must not hide the one that runs."""
    path = folder / "server.json"
    try:
        if json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()
    except (OSError, ValueError, LookupError):
        _log.debug("no server.json to remove", folder=str(folder))
