"""Port: the message bus, which carries only bells: what kind of work there is, for which ids, and no payload."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from common.ports.port import Port


@dataclass(frozen=True)
class Bell:
    """A hint that the store has something new of this kind, such as `training.queued`, under these ids.

    The truth is the store: losing a bell costs the time until the next sweep, hearing it twice costs nothing.
    """

    kind: str
    ids: Mapping[str, str]

    def __hash__(self) -> int:
        return hash((self.kind, frozenset(self.ids.items())))


class Delivery(ABC):
    """A bell on loan: it is settled by one call of `ack` or `reject`; later calls do nothing."""

    bell: Bell

    @abstractmethod
    async def ack(self) -> None:
        """Its effect is saved (or somebody else's was): forget the bell."""

    @abstractmethod
    async def reject(self) -> None:
        """It could not be handled now: deliver it again, behind the others; given up after a few times."""


class MessageBus(Port):
    """Queues of bells. Loss and doubles are allowed; memory is bounded."""

    @abstractmethod
    async def publish(self, bell: Bell) -> None:
        """Ring every queue that wants this kind; lost without such a queue. Never waits for consumers.

        `errors.Unavailable` if the bus is away: the caller notes it and goes on, the sweeper rings again.
        """

    @abstractmethod
    async def reach(self) -> None:
        """Ask for any answer and change nothing; `errors.Unavailable` if the bus is away."""

    @abstractmethod
    def subscribe(
        self, queue: str, kinds: Sequence[str], *, prefetch: int = 1
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Take bells of these kinds from the queue of this name, roughly in the order they rang.

        Subscribers of one queue share its bells, different queues each get a copy. The queue exists as long as somebody
        has subscribed in this process (longer in an engine). At most `prefetch` deliveries are unsettled at a time; the
        iterator waits for the next, without end, and ends when the bus closes. Leaving the context gives unsettled
        deliveries back. `kinds` must not be empty (`ValueError`).
        """
