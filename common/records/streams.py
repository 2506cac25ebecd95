"""Batches that arrive asynchronously, to be walked through item by item in a thread, without a switch for each item."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Stream(Generic[Item]):
    """The items of batches in their order. `head` is the next one, None at the end; `fill` before walking on."""

    def __init__(self, batches: AsyncGenerator[list[Item], None]) -> None:
        self._batches = batches
        self._items: list[Item] = []
        self._place = 0
        self._ended = False

    @property
    def starving(self) -> bool:
        """Whether only `fill` can tell what comes next."""
        return self._place == len(self._items) and not self._ended

    @property
    def head(self) -> Item | None:
        """The next item; not to be asked while starving."""
        return self._items[self._place] if self._place < len(self._items) else None

    async def fill(self) -> None:
        """Fetch the next batch if there is nothing left of the last."""
        while self.starving:
            batch = await anext(self._batches, None)
            self._ended = batch is None
            self._items, self._place = batch or [], 0

    def take(self) -> Item:
        """The next item, and move on. `IndexError` if there is none."""
        item = self._items[self._place]
        self._place += 1
        return item

    async def close(self) -> None:
        """Let go of the source."""
        await self._batches.aclose()
