"""Ports that do what networks and engines do: fail, do it and not say so, ring twice, late, or not at all."""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable
from typing import Any

from common import errors
from common.ports.message_bus import Bell
from common.runtime import Runtime

WRITES = {
    "store": ("insert", "append", "touch", "pull_many", "put_view", "delete"),
    "log": ("append",),
    "blobs": ("put_file", "put_bytes", "delete"),
}
READS = {"store": ("get", "get_many", "find", "count", "waiting"), "log": ("query", "last_position"), "blobs": ()}


class Mischief:
    """Stands before the ports of a runtime; chance comes from a seed, so that what was found can be had again.

    `rate` is the share of calls that go wrong. Once `dead`, the process is gone for good: nothing of it reaches a file.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.rate = 0.0
        self.dead = False
        self._held: list[Bell] = []

    def install(self, runtime: Runtime) -> None:
        """Stand before all ports of this runtime."""
        for port in WRITES:
            instance: Any = getattr(runtime, port)
            for method in (*WRITES[port], *READS[port]):
                setattr(instance, method, self._troubled(getattr(instance, method), method in WRITES[port]))
        bus: Any = runtime.bus
        bus.publish = self._publishing(bus.publish)

    def _troubled(self, real: Callable[..., Awaitable[Any]], writes: bool) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(real)
        async def call(*args: Any, **kwargs: Any) -> Any:
            luck = self._chance.random()
            if self.dead or luck < self.rate / 2:
                raise errors.Unavailable("mischief: the engine is away")
            found = await real(*args, **kwargs)
            if writes and luck < self.rate:
                raise errors.Unavailable("mischief: it is done, and the answer is lost")
            return found

        return call

    def _publishing(self, real: Callable[[Bell], Awaitable[None]]) -> Callable[[Bell], Awaitable[None]]:
        async def publish(bell: Bell) -> None:
            bells, self._held = [bell, *self._held], []  # what was held back comes now, behind a later one
            luck = self._chance.random()
            if self.dead or luck < self.rate / 4:
                raise errors.Unavailable("mischief: the bus is away")
            if luck < self.rate / 2:
                self._held = bells
                return
            for one in bells * (2 if luck < self.rate else 1):
                await real(one)

        return publish
