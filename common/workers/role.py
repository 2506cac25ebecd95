"""One role of one service, alone in its process: the distributed mode."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.types import ASGIApp

from common import errors, logging
from common.announcement import announce, leave, withdrawn
from common.http import server
from common.http.admission import admitted
from common.http.guard import Guard
from common.runtime import TASKS, Runtime, open_runtime
from common.service import Loop, Role, Service
from common.settings import Settings
from common.workers.loops import Loops

_PATIENCE = 8.0
_log = logging.logger("role")
_PARSES = ("catalog", "rest")
"""The one REST role with children: what is uploaded is read in them."""


async def serve(service: str, role: Role, settings: Settings, started: Callable[[str], None]) -> None:
    """Run the role until a signal; `started` gets the URL at which it answers, a role without routes about its health.

    An engine that is away is waited for. Errors as `open_runtime`, and `errors.Conflict` when the port cannot be used.
    """
    with server.listening(settings.host, settings.port, shared=True) as listener, withdrawn(settings.data):
        async with contextlib.AsyncExitStack() as stack:
            app, runtime, loops = await _begun(stack, service, role, settings)
            url = server.url_of(listener)

            def answering() -> None:
                announce(settings.data, url)
                started(url)
                if role == "rest":
                    loops.background()

            def stopping() -> None:
                leave(settings.data, url)
                runtime.notifier.close()

            await server.serve(Guard(app, settings.allowed_hosts), listener, answering, stopping)


async def _begun(
    stack: contextlib.AsyncExitStack, service: str, role: Role, settings: Settings
) -> tuple[ASGIApp, Runtime, Loops]:
    # To end and be started again would cost each process a second of loading for every try.
    for pause in itertools.chain((1.0, 2.0, 4.0), itertools.repeat(_PATIENCE)):
        try:
            return await stack.enter_async_context(_running(service, role, settings))
        except errors.Unavailable as error:
            _log.warning("an engine is away, waiting for it", service=service, role=role, error=error.detail)
        await asyncio.sleep(pause)
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def _running(service: str, role: Role, settings: Settings) -> AsyncIterator[tuple[ASGIApp, Runtime, Loops]]:
    bootstrap = importlib.import_module(f"{service}_service.bootstrap")
    functions = [name for name in TASKS if name.startswith(f"{service}_service.")]
    has_children = role == "task" or (service, role) == _PARSES
    async with open_runtime(settings, functions=functions if has_children else ()) as runtime:
        built: Service = bootstrap.build(runtime)
        # Only clients are kept waiting: were services, two of them could each wait for a place at the other.
        app = admitted(built.door, settings) if built.door else built.app
        if role != "rest":  # health, for whoever watches the process
            app = runtime.app(service, title=f"{service}, {role} role", routers=[])
        await runtime.start(sweeps=role == "event")
        loops = Loops([built])
        await loops.start(loops_of(built, role))
        try:
            yield app, runtime, loops
        finally:
            await loops.stop()


def loops_of(service: Service, role: Role) -> Mapping[str, Loop]:
    """What a process of this role runs beside its requests."""
    own: Mapping[Role, Mapping[str, Loop]] = {"rest": {}, "event": service.event_loops, "task": service.task_loops}
    return {**service.listeners, **own[role]}
