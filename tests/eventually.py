"""Waiting in asynchronous tests: on a condition, with a deadline, never for a fixed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(look: Callable[[], Any], seconds: float = 5.0) -> Any:
    """The first truthy value that `look` gives, awaited if it must be; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"what was waited for did not happen; last seen: {found!r}"
        await asyncio.sleep(0.005)
