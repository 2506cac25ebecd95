"""When to try again: exponential pauses with full jitter, within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterator

Sleep = Callable[[float], Awaitable[None]]
_LASTED = 5.0  # seconds
_JITTER = random.SystemRandom()


class Backoff:
    """Pauses between tries. Seconds everywhere; `within` counts from the beginning or the last `reset`."""

    def __init__(
        self,
        *,
        within: float,
        first: float = 0.1,
        longest: float = 5.0,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._within, self._first, self._longest = within, first, longest
        self._sleep, self._clock = sleep, clock
        self.reset()

    def reset(self) -> None:
        """Something worked: the deadline and the pauses begin anew."""
        self._tries = 0
        self._end = self._clock() + self._within

    @property
    def left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self._end - self._clock())

    @contextlib.contextmanager
    def lasting(self) -> Iterator[None]:
        """A try that goes on for a while: when it has lasted, it worked, also if it breaks in the end."""
        begun = self._clock()
        try:
            yield
        finally:
            if self._clock() - begun >= _LASTED:
                self.reset()

    async def pause(self, at_least: float | None = None) -> bool:
        """Sleep before the next try; False (at once) if the next try would come after the deadline.

        The jitter keeps clients that failed together from coming back together; `at_least` is the server's
        Retry-After.
        """
        most = min(self._longest, self._first * 2**self._tries)
        self._tries += 1
        seconds = max(_JITTER.uniform(most / 2, most), at_least or 0.0)
        if seconds >= self.left:
            return False
        await self._sleep(seconds)
        return True
