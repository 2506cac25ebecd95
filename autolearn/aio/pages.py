"""Lists that fetch their pages when somebody iterates over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from autolearn.transport import Transport
from common.contracts.base import Page

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T", bound=BaseModel)
MOST = 500  # the server's greatest page


class Pages(Generic[T]):
    """A list on the server: `async for item in pages`; each iteration reads anew.

    `limit` counts items over all pages.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        model: type[T],
        *,
        limit: int | None = None,
        page_size: int = 200,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self._transport, self._path, self._model = transport, path, model
        self._limit, self._page_size, self._params = limit, min(page_size, MOST), dict(params or {})

    async def page(self, cursor: str | None = None) -> Page[T]:
        """One page: the first, or the one `cursor` (the `next` of another) names."""
        size = self._page_size if self._limit is None else max(1, min(self._page_size, self._limit))
        said = await self._transport.get(self._path, limit=size, cursor=cursor, **self._params)
        return Page(items=[self._model.model_validate(item) for item in said["items"]], next=said.get("next"))

    async def __aiter__(self) -> AsyncIterator[T]:
        left, cursor = self._limit, None
        while left is None or left > 0:
            page = await self.page(cursor)
            for item in page.items[:left]:
                yield item
            left = None if left is None else left - len(page.items)
            cursor = page.next
            if cursor is None:
                return

    async def all(self) -> list[T]:
        """Every item, in order."""
        return [item async for item in self]

    async def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with one row an item; nested objects become columns such as `measures.f1`."""
        from autolearn import frames

        return frames.from_items(await self.all())
