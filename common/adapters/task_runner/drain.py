"""Reading a pipe or socket to its end on any event loop, without a transport in between."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

PIECE = 64 * 1024


class Drain:
    """Hands what arrives at a descriptor to `take`; `ended` is done at its end, or has the error of `take`.

    `add_reader` works alike under asyncio and uvloop. The descriptor is the caller's, to close after `stop`.
    """

    def __init__(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._take = take
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._descriptor, PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            piece = b""
        try:
            if piece:
                self._take(piece)
            else:
                self.stop()
        except Exception as error:
            self._finish(error)

    def stop(self) -> None:
        """Read no further. Idempotent."""
        self._finish(None)

    def _finish(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        self._loop.remove_reader(self._descriptor)
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


class Lines:
    """Cuts what arrives into lines and hands each to `take`; a line over `most` bytes is dropped."""

    def __init__(self, take: Callable[[bytes], None], most: int = PIECE) -> None:
        self._take = take
        self._most = most
        self._rest = b""

    def __call__(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > self._most:
            self._rest = b""
        for line in lines:
            self._take(line)
