"""Waking those who wait for a record to change, without asking the store again and again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from common.http import admission

Found = TypeVar("Found")
_POLL = 1.0  # a bell may be lost: then the waiting client is a second late, not stuck


class Notifier:
    """Waits by record id. A ring is only a hint: whoever wakes looks at the store."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False

    def ring(self, identifier: str) -> None:
        """Wake everybody who waits for this record."""
        for event in self._waiting.get(identifier, ()):
            event.set()

    def close(self) -> None:
        """Let nobody wait any more: the process is about to end."""
        self._closed = True
        for identifier in self._waiting:
            self.ring(identifier)

    async def until(self, identifier: str, look: Callable[[], Awaitable[Found | None]], timeout: float) -> Found | None:
        """What `look` finds, as soon as it finds something; None after `timeout` seconds, or when it is closed."""
        async with self.listening(identifier) as event:
            end = time.monotonic() + timeout
            while True:
                event.clear()
                found = await look()
                left = end - time.monotonic()
                if found is not None or left <= 0 or self._closed:
                    return found
                admission.leave()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _POLL)):
                        await event.wait()

    @contextlib.asynccontextmanager
    async def listening(self, identifier: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set at every ring; clear it before looking."""
        event = asyncio.Event()
        self._waiting[identifier].add(event)
        try:
            yield event
        finally:
            self._waiting[identifier].discard(event)
            if not self._waiting[identifier]:
                del self._waiting[identifier]
