"""Proxies before all engines at once, on a thread of their own, for tests of real processes."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Self, TypeVar
from urllib.parse import urlsplit

from tests.proxy import Proxy, through

Result = TypeVar("Result")
_PORTS = {"rabbitmq": 5672, "kafka": 9092, "mongo": 27017, "s3": 80}


class Proxies:
    """One before each of the engines at `urls` (by name), listening at the address `at`."""

    def __init__(self, urls: Mapping[str, str], at: str = "127.0.0.1") -> None:
        self._of: dict[str, Proxy] = {}
        self._targets: dict[str, tuple[str, int]] = {}
        for name, url in urls.items():
            parts = urlsplit(url)
            self._targets[name] = parts.hostname or "127.0.0.1", parts.port or _PORTS[name]
            self._of[name] = Proxy(*self._targets[name], at=at)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        for name, proxy in self._of.items():
            self._done(lambda proxy=proxy: self._stack.enter_async_context(proxy.running()))  # type: ignore[misc]
            if name == "kafka":
                # A broker tells clients where it is; told its own address, they would go round the proxy.
                host, port = self._targets[name]
                proxy.instead = {_address(host, port): _address(proxy.host, proxy.port)}
        return self

    def __exit__(self, *_: object) -> None:
        self._done(self._stack.aclose)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, engine: str, direct: str) -> str:
        """The way through the proxy to a place in an engine."""
        return through(engine, direct, self._of[engine].host, self._of[engine].port)

    def carried(self, engine: str) -> int:
        """Bytes that have gone to and from an engine."""
        return self._of[engine].carried

    @contextmanager
    def slow(self, *engines: str, latency: float = 0.0, slice: int = 0) -> Iterator[None]:
        """Everything to and from these engines is late, and comes in slices; see `Proxy`."""
        self._set(engines, latency, slice)
        try:
            yield
        finally:
            self._set(engines, 0.0, 0)

    @contextmanager
    def stalled(self, *engines: str) -> Iterator[None]:
        """Connections to these engines stay open, and nothing goes over them."""
        self._each(engines, Proxy.stall)
        try:
            yield
        finally:
            self._each(engines, Proxy.resume)

    def reset(self, *engines: str) -> None:
        """Reset every connection to these engines."""
        self._each(engines, Proxy.reset)

    def _set(self, engines: tuple[str, ...], latency: float, slice_: int) -> None:
        def change(proxy: Proxy) -> None:
            proxy.latency, proxy.slice = latency, slice_

        self._each(engines, change)

    def _each(self, engines: tuple[str, ...], what: Callable[[Proxy], None]) -> None:
        async def do() -> None:
            for name in engines:
                what(self._of[name])

        self._done(do)

    def _done(self, call: Callable[[], Awaitable[Result]]) -> Result:
        async def awaited() -> Result:
            return await call()

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)


def _address(host: str, port: int) -> bytes:
    """An address in Kafka's protocol; the length before it stays as it is, so both have to have the same."""
    return host.encode() + struct.pack(">i", port)
