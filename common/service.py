"""A service as its bootstrap gives it: what it serves, what it owns, and the loops that its roles run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import ASGIApp

from common.records.repository import Repository

Role = Literal["rest", "event", "task"]
Loop = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """One service, wired: `app` is its REST role, `event_loops` and `task_loops` are the loops of the other two roles.

    `repositories` are the records that it owns, verifies and rebuilds. A loop runs until it is cancelled; `listeners`
    are those that every process of the service runs, for what it keeps in memory. `door` is what listens in place of
    `app` where the services are processes of their own. `start` runs once before the first request, `ready` afterwards
    in the background.
    """

    name: str
    app: ASGIApp
    repositories: Sequence[Repository] = ()
    listeners: Mapping[str, Loop] = field(default_factory=dict)
    event_loops: Mapping[str, Loop] = field(default_factory=dict)
    task_loops: Mapping[str, Loop] = field(default_factory=dict)
    door: ASGIApp | None = None
    start: Loop | None = None
    ready: Loop | None = None

    @property
    def loops(self) -> Mapping[str, Loop]:
        """Those of all roles, for the process that has all of them."""
        return {**self.listeners, **self.event_loops, **self.task_loops}
