"""A runtime for tests: the real SQLite adapters on a temporary folder, without the fork server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import httpx

from common.adapters import registry
from common.adapters.keyring.file import FileKeyring
from common.journal import Journal
from common.ports.task_runner import TaskRunner
from common.runtime import Runtime
from common.service import Service
from common.settings import Settings

Builder = Callable[[Runtime], Service]


@contextlib.asynccontextmanager
async def light_runtime(folder: Path, **settings: Any) -> AsyncIterator[Runtime]:
    """A runtime that can do everything but run tasks; its times are short."""
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "data": folder,
        "sweep": 0.05,
        "reconcile": 0.2,
        "reservation": 0.5,
        "deadline": 20.0,
        **settings,
    }
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(registry.record_store(f"sqlite://{folder / 'records.db'}"))
        log = await stack.enter_async_context(registry.event_log(f"sqlite://{folder / 'events.db'}"))
        bus = await stack.enter_async_context(registry.message_bus("local:"))
        blobs = await stack.enter_async_context(registry.blob_store(f"file://{folder / 'blobs'}"))
        journal = await stack.enter_async_context(Journal(folder / "journal", log, limit=64 * 2**20))
        runtime = Runtime(
            Settings(**told),
            store=store,
            log=log,
            bus=bus,
            blobs=blobs,
            tasks=cast(TaskRunner, None),
            keyring=FileKeyring(folder / "master.key"),
            journal=journal,
        )
        stack.push_async_callback(runtime.stop)
        yield runtime


@contextlib.asynccontextmanager
async def running(runtime: Runtime, services: Sequence[Service], *, loops: bool = True) -> AsyncIterator[None]:
    """Services started on the runtime, with their event loops unless told otherwise."""
    await runtime.start()
    for service in services:
        if service.start:
            await service.start()
    tasks: list[asyncio.Task[Any]] = []
    if loops:
        for service in services:
            both = {**service.listeners, **service.event_loops}
            tasks += [asyncio.ensure_future(loop()) for loop in both.values()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def http(service: Service, **headers: str) -> httpx.AsyncClient:
    """A client of the service as people are."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service.app), base_url=f"http://{service.name}", headers=headers
    )
