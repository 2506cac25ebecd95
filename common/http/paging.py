"""Lists over REST: limit, cursor, filter and sort, the same for every list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

from common.filtering import cursors, parser
from common.filtering.conditions import Condition, both
from common.filtering.fields import Fields
from common.filtering.sorting import Place, SortKey, parse_sort
from common.ports.record_store import Record


@dataclass(frozen=True)
class Listing:
    """What page of a list was asked for."""

    limit: int
    sort: tuple[SortKey, ...]
    where: Condition | None
    after: Place | None
    scope: str

    def query(self, also: Condition | None = None) -> dict[str, Any]:
        """The arguments of `RecordStore.find`: one more than the page, to know whether there is a next one."""
        return {
            "where": both(self.where, also) if also is not None else self.where,
            "sort": self.sort,
            "after": self.after,
            "limit": self.limit + 1,
        }

    def next(self, records: Sequence[Record]) -> str | None:
        """The cursor of the page after `records` (found with `query`), or None if they are the last."""
        if len(records) <= self.limit:
            return None
        return cursors.encode(records[self.limit - 1].place(self.sort), self.scope)


def listing(fields: Fields, default_sort: str) -> Callable[..., Awaitable[Listing]]:
    """The dependency of a list route with these documented fields."""
    names = ", ".join(sorted(fields))

    # Async because FastAPI hands any other dependency to a thread, which takes longer than it does.
    async def asked(
        limit: Annotated[int, Query(ge=1, le=500, description="Items on a page")] = 50,
        cursor: Annotated[str | None, Query(max_length=4_000, description="`next` of the page before")] = None,
        # As a default: an annotation is text here, in which `names` could not be found.
        filter: str = Query("", max_length=4_000, description=f"Condition over: {names}"),
        sort: Annotated[str, Query(max_length=500, description="Fields, `-` for descending")] = default_sort,
    ) -> Listing:
        keys = parse_sort(sort, fields)
        where = parser.parse(filter, fields) if filter.strip() else None
        scope = f"{filter}\n{sort}"
        return Listing(limit, keys, where, cursors.decode(cursor, scope) if cursor else None, scope)

    return asked
