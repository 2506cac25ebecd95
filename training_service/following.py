"""Following a search: its state, how far it is, and what leads, until it has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from common.jobs.following import Follower
from training_service.searches import SearchHandlers


class SearchFollower(Follower):
    """Streams of searches."""

    def __init__(self, handlers: SearchHandlers) -> None:
        super().__init__(handlers)
        self._searches = handlers.searches

    async def events(self, identifier: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """`state` when it changes, `progress` when it moves, `best` when another trial takes the lead."""
        state, progress, best = None, None, None
        async for search in self._changes(identifier, self._searches.full):
            if search.state != state and not search.state.terminal:
                state = search.state
                yield "state", {"state": state.value, "attempt": 0, "ahead": None}
            if search.progress and search.progress != progress:
                progress = search.progress
                yield "progress", progress.model_dump(mode="json")
            if search.best and search.best != best:
                best = search.best
                yield "best", {**best.model_dump(mode="json"), "by": search.by, "ended": search.trials.ended}
            if search.state != state:
                state = search.state
                yield "state", {"state": state.value, "attempt": 0, "ahead": None}
