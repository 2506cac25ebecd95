"""Event role: hears of ended jobs and destroyed keys, sweeps blobs that no record names, and carries searches on."""

from __future__ import annotations

import asyncio

from common import errors, logging
from common.jobs.events import JobEvents
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
        self._proceeding: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()

    async def run(self) -> None:
        """Listen and sweep until cancelled; what was on its way goes on at the next start."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._listen())
                both.create_task(self._sweep())
        finally:
            for task in self._proceeding.values():
                task.cancel()
            await asyncio.gather(*self._proceeding.values(), return_exceptions=True)

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
        if search in self._proceeding:
            self._again.add(search)  # what the bell is about may have come behind what that task looks at
            return
        task = asyncio.create_task(self._proceed(search), name=search)
        self._proceeding[search] = task
        task.add_done_callback(lambda _: self._over(search))

    def _over(self, search: str) -> None:
        del self._proceeding[search]
        if search in self._again:
            self._again.discard(search)
            self._go_on(search)

    async def _proceed(self, search: str) -> None:
        try:
            await self._conduct.proceed(search)
        except errors.AutoLearnError as error:
            _log.warning("search waits for the next sweep", search=search, code=error.code, error=error.detail)
        except Exception as error:
            _log.error("search cannot go on", search=search, exc_info=error)
