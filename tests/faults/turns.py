"""What the turns of an event loop cost: the processor time of its thread, so that a busy machine changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def measured() -> Iterator[list[float]]:
    """The turns of the running loop (asyncio's own) inside the block, in seconds of its thread's processor time."""
    loop: Any = asyncio.get_running_loop()
    found: list[float] = []
    turn = loop._run_once  # private, but what a turn is: every callback that is ready, then one look for input

    def timed() -> None:
        began = time.thread_time()
        turn()
        if loop._run_once is timed:  # else the block has ended in this turn, and what followed in it is not its own
            found.append(time.thread_time() - began)

    gc.disable()  # it would look through what the whole test run has gathered, which the platform does not have
    loop._run_once = timed
    try:
        yield found
    finally:
        loop._run_once = turn
        gc.enable()
