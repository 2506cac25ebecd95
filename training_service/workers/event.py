"""Event role: hears of ended jobs and destroyed keys, sweeps blobs that no record names, and carries searches on."""

from __future__ import annotations

import asyncio

from common import errors, logging
from common.jobs.events import JobEvents
from common.workers.proceeding import Proceeding
from training_service import repository
from training_service.conduct import Conduct
from training_service.handlers import TrainingHandlers
from training_service.searches import SearchHandlers

_WAKING = ("search.queued", "search.cancel", "search.trial")
_log = logging.logger("search_events")


def worker(handlers: TrainingHandlers) -> JobEvents:
    """The loop of this role for trainings."""
    return JobEvents(handlers)


class SearchEvents:
    """Carries searches on, each in one task: when a bell says that there is something to do, and at every sweep."""

    def __init__(self, searches: SearchHandlers, conduct: Conduct) -> None:
        self._searches, self._conduct, self._runtime = searches, conduct, searches.runtime
        self._proceeding = Proceeding("search")

    async def run(self) -> None:
        """Listen and sweep until cancelled; what was on its way goes on at the next start."""
        await self._proceeding.during(self._listen(), self._sweep())

    async def _listen(self) -> None:
        async with self._runtime.listen("training", "training.searches", _WAKING, prefetch=64) as heard:
            async for delivery in heard:
                await delivery.ack()
                self._go_on(delivery.bell.ids["job"])

    async def _sweep(self) -> None:
        while True:
            try:
                for search in await repository.live(self._searches.jobs):
                    self._go_on(search.id)
            except errors.AutoLearnError as error:
                _log.warning("searches not looked for", code=error.code, error=error.detail)
            await asyncio.sleep(self._runtime.settings.sweep)

    def _go_on(self, search: str) -> None:
        # Again: what the bell is about may have come behind what a task that is on its way looks at.
        self._proceeding.go_on(search, lambda: self._conduct.proceed(search), again=True)
