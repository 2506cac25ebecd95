"""Reading from many connections a few at a time, so that no turn of the event loop begins a thousand requests."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PER_TURN = 32
"""Pieces of input that one turn of the loop takes in; to begin a request costs a tenth of a millisecond or two."""


class Pace:
    """Counts what is taken in during a turn of the event loop, and does the rest in the turns after it, in order."""

    def __init__(self, per_turn: int = PER_TURN) -> None:
        self._per_turn = self._left = per_turn
        self._later: collections.deque[Callable[[], None]] = collections.deque()
        self._scheduled = False

    def take(self) -> bool:
        """Whether one more may be taken in during this turn."""
        if not self._left or self._later:
            return False
        self._left -= 1
        self._schedule()
        return True

    def later(self, work: Callable[[], None]) -> None:
        """Have it done in a turn that has room for it."""
        self._later.append(work)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        now = min(len(self._later), self._per_turn)
        self._left = self._per_turn - now
        for _ in range(now):
            self._later.popleft()()
        if now:
            self._schedule()


class PacedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, a connection of which is not read from while a piece of its input waits for its turn."""

    def __init__(self, *given: Any, pace: Pace, **named: Any) -> None:
        super().__init__(*given, **named)
        self._pace = pace

    def data_received(self, data: bytes) -> None:
        if self._pace.take():
            super().data_received(data)
        else:
            self.transport.pause_reading()
            self._pace.later(lambda: self._go_on(data))

    def _go_on(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()
            super().data_received(data)
