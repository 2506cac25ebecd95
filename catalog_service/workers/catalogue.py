"""The REST role: what can be trained and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query

from catalog_service.estimators import Estimators
from common.contracts.base import Page
from common.contracts.catalogue import Algorithm, Measure
from common.filtering import cursors
from common.http.app import router
from common.learning import catalogue
from common.learning.estimators import qualified

Entry = TypeVar("Entry", Algorithm, Measure)


class Slice:
    """A page of a short list that is in memory."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=500, description="Items on a page")] = 50,
        cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
    ) -> None:
        self._limit, self._after = limit, cursors.decode(cursor, "catalogue")[-1] if cursor else None

    def of(self, entries: Sequence[Entry]) -> Page[Entry]:
        """The page, in the order of the catalogue; after a name that is gone it begins at the start."""
        names = [entry.name for entry in entries]
        begin = names.index(self._after) + 1 if self._after in names else 0
        items = list(entries[begin : begin + self._limit])
        more = begin + self._limit < len(entries)
        return Page(items=items, next=cursors.encode((items[-1].name,), "catalogue") if more else None)


def routes(estimators: Estimators) -> APIRouter:
    """The routes of algorithms and measures."""
    api = router(tags=["catalogue"])

    @api.get("/v1/algorithms")
    async def list_algorithms(
        page: Annotated[Slice, Depends()],
        named: Annotated[
            bool, Query(description="The estimators that are known by their qualified names instead")
        ] = False,
    ) -> Page[Algorithm]:
        """Every algorithm, with its hyper-parameters as JSON Schema for each task."""
        return page.of(list((await estimators.all()).values()) if named else catalogue.algorithms())

    @api.get("/v1/algorithms/{name}")
    async def show_algorithm(name: str) -> Algorithm:
        """One algorithm, or an estimator by its qualified name such as `sklearn.ensemble.AdaBoostClassifier`."""
        return await estimators.show(name) if qualified(name) else catalogue.algorithm(name)

    @api.get("/v1/measures")
    async def list_measures(page: Annotated[Slice, Depends()]) -> Page[Measure]:
        """Every measure, with its definition."""
        return page.of(catalogue.measures())

    @api.get("/v1/measures/{name}")
    async def show_measure(name: str) -> Measure:
        """One measure."""
        return catalogue.measure(name)

    return api
