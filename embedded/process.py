"""The embedded platform: builds the services on one runtime, runs their loops, and opens the one door."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.types import ASGIApp

import catalog_service.bootstrap
import evaluation_service.bootstrap
import gateway_service.bootstrap
import session_service.bootstrap
import storage_service.bootstrap
import training_service.bootstrap
from common.http.admission import admitted
from common.http.guard import Guard
from common.runtime import Runtime, open_runtime
from common.settings import Settings
from common.workers.loops import Loops
from gateway_service.front import Front

BUILDERS = (
    catalog_service.bootstrap.build,
    training_service.bootstrap.build,
    evaluation_service.bootstrap.build,
    session_service.bootstrap.build,
    storage_service.bootstrap.build,
    gateway_service.bootstrap.build,
)


@dataclass(frozen=True)
class Platform:
    """The running platform; `door` is the application that listens."""

    runtime: Runtime
    loops: Loops
    door: ASGIApp


@contextlib.asynccontextmanager
async def platform(settings: Settings) -> AsyncIterator[Platform]:
    """The platform on the data folder of `settings`, started; errors as `open_runtime`."""
    async with open_runtime(settings) as runtime:
        services = [build(runtime) for build in BUILDERS]
        front = Front({service.name: service.app for service in services})
        door = Guard(admitted(front, settings), settings.allowed_hosts)
        await runtime.start()
        loops = Loops(services)
        await loops.start({name: loop for service in services for name, loop in service.loops.items()})
        try:
            yield Platform(runtime, loops, door)
        finally:
            await loops.stop()
