"""Searches: each is accepted after every one of its trials is validated; who carries it on is `conduct`."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common import context, errors, times
from common.contracts.base import Page
from common.contracts.jobs import Job
from common.contracts.searches import SearchRequest, Trial
from common.http.asked import Asked
from common.http.listing import SealedPage
from common.http.paging import Listing
from common.jobs.catalogue import Catalogue
from common.jobs.handlers import JobHandlers, Submission
from common.learning.estimators import qualified
from common.learning.search_request import complete_search
from common.ports.record_store import Record
from common.records.repository import Repository
from common.runtime import Runtime
from training_service.clients import Sessions
from training_service.handlers import TrainingHandlers, refuse, submitted, used
from training_service.views import SearchViews


class SearchHandlers(JobHandlers):
    """Searches as people ask for them; in their session they are jobs as others are."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        catalogue: Catalogue,
        sessions: Sessions,
        searches: Repository,
        trainings: TrainingHandlers,
    ) -> None:
        super().__init__(runtime, "search", sessions.client, jobs=searches)
        self._catalogue, self._places = catalogue, sessions
        self.views = self.searches = SearchViews(searches, trainings.jobs, self.keys, runtime.blobs)

    async def begin(self, asked: Asked[SearchRequest], key: str | None) -> tuple[Record, bool]:
        """The accepted search, and whether it is the one that an earlier request with this key has made.

        Raises `errors.Invalid` with everything that is wrong at its JSON pointer; then nothing has happened.
        """
        body, marks = self.marked(asked, key)
        if earlier := await self.replayed(marks):
            return earlier, True
        found, flaws = None, [*asked.flaws]
        if body["dataset"] is not None:
            found, wrong = await self._catalogue.dataset(body["dataset"])
            flaws += wrong
        described, wrong = await self._described(asked.command)
        flaws += wrong
        completed, wrong = await asyncio.to_thread(complete_search, body, found and found["dataset"], described)
        # What of the form is wrong in some place is not there for what else is wrong with it.
        known = [flaw.pointer for flaw in flaws]
        flaws += [flaw for flaw in wrong if not any(f"{one}/".startswith(f"{flaw.pointer}/") for one in known)]
        await refuse("search", flaws, self._places, body["session"])
        assert found is not None
        command = asked.command
        plain = {
            **used(found),
            "method": command.method,
            "algorithm": completed["algorithms"][0]["algorithm"] if len(completed["algorithms"]) == 1 else None,
            "actor": context.current().actor,
            "plan": completed["plan"],
            "left_out": completed["left_out"],
            "ends": times.later(times.now(), command.budget.seconds) if command.budget.seconds else None,
        }
        request = {name: value for name, value in completed.items() if name not in ("plan", "left_out")}
        return await submitted(self, Submission(quote(command.session, safe=""), request, plain), marks)

    async def _described(self, asked: SearchRequest) -> tuple[dict[str, Mapping[str, Any]], list[errors.Flaw]]:
        """What the catalogue says of estimators by their qualified names, and what is wrong with those."""
        described: dict[str, Mapping[str, Any]] = {}
        flaws: list[errors.Flaw] = []
        for number, name in enumerate(space.algorithm for space in asked.algorithms):
            if qualified(name) and name not in described:
                said, wrong = await self._catalogue.estimator(name)
                described |= {name: said} if said else {}
                flaws += [dataclasses.replace(one, pointer=f"/algorithms/{number}{one.pointer}") for one in wrong]
        return described, flaws

    async def show(self, reference: str) -> Job:
        """The whole search."""
        return await self.searches.full(await self.get(reference))

    async def page(self, asked: Listing) -> Page[Any]:
        """Searches, without what is confidential."""
        found = await self.jobs.page(**asked.query(), without=("sealed",))
        return Page[Any](items=[self.searches.plain(one) for one in found[: asked.limit]], next=asked.next(found))

    async def trials(self, reference: str, asked: Listing) -> Page[Trial]:
        """The trials of a search that have been submitted, with what each has come to."""
        documents = await self.searches.trials(await self.get(reference))
        return await asyncio.to_thread(SealedPage(documents, asked).page, Trial)
