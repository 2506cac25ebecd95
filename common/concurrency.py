"""Work on many things, a few at a time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

AT_ONCE = 16
"""Enough writes to share one flush of the disk; few enough that what they wake up together keeps nobody waiting."""


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[object]], *, at_once: int = AT_ONCE) -> None:
    """`work` on every item in order, `at_once` at a time; the first error stops the rest and is raised."""
    waiting = iter(items)

    async def take() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(take())
    except BaseExceptionGroup as found:
        raise found.exceptions[0] from found


def slices(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`; the last may be shorter."""
    iterator = iter(items)
    while some := list(itertools.islice(iterator, size)):
        yield some
