"""Turns at an engine: how many calls are made at once, who waits, and what becomes of a call whose caller goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from common import errors

Result = TypeVar("Result")

_PATIENCE = 0.7
"""Seconds that a call waits for its turn while the engine answers nobody."""


class Turns:
    """At most `count` calls at once; `what` names the engine in errors."""

    def __init__(self, what: str, count: int) -> None:
        self._what = what
        self._free = asyncio.Semaphore(count)
        self._running: set[asyncio.Task[Any]] = set()
        self._answered = 0.0

    def answered(self) -> None:
        """The engine has answered somebody."""
        self._answered = asyncio.get_running_loop().time()

    async def take(self, work: Callable[[], Awaitable[Result]], *, whole: bool = False) -> Result:
        """Do it in its turn. What was begun is not interrupted, so that its connection stays usable; with `whole` a
        caller who is cancelled goes when it has ended, so that a later read tells what became of it."""
        begun = False

        async def in_turn() -> Result:
            nonlocal begun
            await self._wait()
            begun = True
            try:
                return await work()
            finally:
                self._free.release()

        task = asyncio.ensure_future(in_turn())
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not begun:
                task.cancel()
            if whole or not begun:
                await asyncio.wait((task,))
            raise

    async def all_ended(self) -> None:
        """Wait until nothing runs or waits; each call has a limited time."""
        while self._running:
            await asyncio.wait(self._running)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where the caller has gone

    async def _wait(self) -> None:
        """Wait while the engine answers others: how long a queue is says nothing, that it does not move says all."""
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._free.acquire()
                    return
            except TimeoutError as error:
                if asyncio.get_running_loop().time() - self._answered > _PATIENCE:
                    raise errors.Unavailable(f"{self._what} does not answer") from error
