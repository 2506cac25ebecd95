"""What process managers have in common: each record is carried on in one task at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

from common import errors, logging

Step = Callable[[], Awaitable[None]]


class Proceeding:
    """The records that are on their way. A step that fails is left to the next sweep: steps may be repeated."""

    def __init__(self, what: str) -> None:
        """`what` they are, for the log: `session`, `search`."""
        self._what, self._log = what, logging.logger(f"{what}_events")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, Step] = {}

    async def during(self, *loops: Coroutine[None, None, None]) -> None:
        """Run the loops until cancelled; what was on its way is stopped then, and goes on at the next start."""
        try:
            async with asyncio.TaskGroup() as together:
                for loop in loops:
                    together.create_task(loop)
        finally:
            self._again.clear()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def go_on(self, identifier: str, step: Step, *, again: bool = False) -> None:
        """Carry a record on unless that is being done; with `again` it is then done once more afterwards."""
        if identifier in self._tasks:
            if again:
                self._again[identifier] = step
            return
        task = asyncio.create_task(self._proceed(identifier, step), name=identifier)
        self._tasks[identifier] = task
        task.add_done_callback(lambda _: self._over(identifier))

    def _over(self, identifier: str) -> None:
        del self._tasks[identifier]
        if step := self._again.pop(identifier, None):
            self.go_on(identifier, step)

    async def _proceed(self, identifier: str, step: Step) -> None:
        about = {self._what: identifier}
        try:
            await step()
        except errors.AutoLearnError as error:
            self._log.warning(f"{self._what} waits for the next sweep", code=error.code, error=error.detail, **about)
        except Exception as error:  # of this record alone: the others, and the loops, go on
            self._log.error(f"{self._what} cannot go on", exc_info=error, **about)
