"""The limit of the threads that BLAS and OpenMP use, with the search for their libraries done once.

Looking through all loaded libraries takes 30 ms, an eighth of a small training: the fork server does it when it
rehearses, and its children inherit what it found. What is loaded later obeys the variables of the environment.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import ThreadpoolController


def threads(most: int) -> AbstractContextManager[Any]:
    """Within the context BLAS and OpenMP use at most so many threads."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=most)
    return limited


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
