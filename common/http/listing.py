"""Pages of lists that are filtered and sorted in memory, because what they show was sealed in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from common.contracts.base import Page
from common.filtering import cursors
from common.filtering.conditions import holds
from common.filtering.sorting import Place, SortKey, place
from common.http.paging import Listing

Item = TypeVar("Item", bound=BaseModel)
_END = -1


class SealedPage:
    """One page of `documents`, as the record store would give it had it been able to read them."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], asked: Listing) -> None:
        self._documents, self._asked = documents, asked

    def page(self, shown_as: type[Item]) -> Page[Item]:
        """The page that was asked for. Of thousands it takes a moment: nothing for the thread of the event loop."""
        asked = self._asked
        # Each with its place and its number; the end of the page before stands among them as number -1.
        places: list[tuple[Place, int]] = [
            (place(document, document["id"], asked.sort), number)
            for number, document in enumerate(self._documents)
            if asked.where is None or holds(asked.where, document)
        ]
        if asked.after is not None:
            places = [(where, number) for where, number in places if where[-1] != asked.after[-1]]
            places.append((asked.after, _END))
        ordered = _sorted(places, asked.sort)
        if asked.after is not None:
            start = next(index for index, (_, number) in enumerate(ordered) if number == _END) + 1
            ordered = ordered[start:]
        shown = ordered[: asked.limit]
        more = len(ordered) > asked.limit
        return Page(
            items=[shown_as.model_validate(self._documents[number]) for _, number in shown],
            next=cursors.encode(shown[-1][0], asked.scope) if more else None,
        )


def _sorted(places: list[tuple[Place, int]], sort: Sequence[SortKey]) -> list[tuple[Place, int]]:
    """By each key in turn, missing values last in both directions, then by id in the direction of the last key."""
    ordered = sorted(places, key=lambda one: str(one[0][-1]), reverse=bool(sort) and sort[-1].descending)
    for index, key in reversed(list(enumerate(sort))):
        there = [one for one in ordered if one[0][index] is not None]
        missing = [one for one in ordered if one[0][index] is None]
        there.sort(key=lambda one, index=index: _comparable(one[0][index]), reverse=key.descending)  # type: ignore[misc]
        ordered = there + missing
    return ordered


def _comparable(value: Any) -> tuple[bool, Any]:
    """Texts behind numbers: values of different types have an order too, so that no list fails."""
    return (isinstance(value, str), value)
