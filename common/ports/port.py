"""What every port has in common: something that is opened once, used, and closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Port(ABC):
    """An async context manager. Opened once; after closing every call raises `errors.Unavailable`.

    No method blocks the event loop. A caller may be cancelled while it waits: what it asked for then happened wholly or
    not at all, and a later read tells which. Errors come from `common.errors` with the driver's as `__cause__`.
    """

    @abstractmethod
    async def open(self) -> None:
        """Connect; `errors.Unavailable` if the engine is away, `errors.IntegrityError` if what it holds is damaged."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted, then let go of threads, files and sockets; a second call does nothing."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
