"""Waiting for conditions with a deadline: the one place in which tests of real processes pass time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_STEP = 0.02


def until(condition: Callable[[], Found], seconds: float = 20.0, what: str = "", *, every: float = _STEP) -> Found:
    """The first true value of `condition`, asked for `every` few seconds.

    Raises `AssertionError` naming `what` when there is none in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(every)
    return found
