"""The message bus of one process and one event loop: bounded queues in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from common import errors
from common.ports.message_bus import Bell, Delivery, MessageBus

_LENGTH = 10_000
_ATTEMPTS = 5


class LocalMessageBus(MessageBus):
    """`local:`. A bell that waits already is not queued again; a full queue forgets its oldest."""

    def __init__(self, *, length: int = _LENGTH, attempts: int = _ATTEMPTS) -> None:
        self._length, self._attempts = length, attempts
        self._queues: dict[str, _Queue] = {}
        self._open = False

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        for queue in self._queues.values():
            queue.close()

    async def publish(self, bell: Bell) -> None:
        self._require_open()
        for queue in self._queues.values():
            if bell.kind in queue.kinds:
                queue.put(bell)

    async def reach(self) -> None:
        self._require_open()

    @asynccontextmanager
    async def subscribe(
        self, queue: str, kinds: Sequence[str], *, prefetch: int = 1
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        self._require_open()
        if not kinds or isinstance(kinds, str):
            raise ValueError("a subscription names the kinds of bells it wants")
        shared = self._queues.setdefault(queue, _Queue(self._length, self._attempts))
        shared.kinds.update(kinds)
        shared.subscribers += 1
        subscription = _Subscription(shared, prefetch)
        try:
            yield subscription
        finally:
            subscription.give_back()
            shared.subscribers -= 1
            if not shared.subscribers:
                del self._queues[queue]

    def _require_open(self) -> None:
        if not self._open:
            raise errors.Unavailable("the local message bus is not open")


class _Queue:
    """Bells in order with the number of times each was delivered, and a signal that something changed."""

    def __init__(self, length: int, attempts: int) -> None:
        self.kinds: set[str] = set()
        self.subscribers = 0
        self.closed = False
        self.changed = asyncio.Event()
        self._length, self._attempts = length, attempts
        self._bells: OrderedDict[Bell, int] = OrderedDict()

    def put(self, bell: Bell, attempts: int = 0) -> None:
        if attempts >= self._attempts:
            return
        if bell not in self._bells and len(self._bells) >= self._length:
            self._bells.popitem(last=False)
        self._bells.setdefault(bell, attempts)
        self.ring()

    def take(self) -> tuple[Bell, int] | None:
        return self._bells.popitem(last=False) if self._bells else None

    def close(self) -> None:
        self.closed = True
        self.ring()

    def ring(self) -> None:
        """Wake everybody who waits; each looks again."""
        self.changed.set()
        self.changed = asyncio.Event()


class _Subscription(AsyncIterator[Delivery]):
    def __init__(self, queue: _Queue, prefetch: int) -> None:
        self._queue, self._prefetch = queue, prefetch
        self._unsettled: set[_LocalDelivery] = set()

    async def __anext__(self) -> Delivery:
        while not self._queue.closed:
            if len(self._unsettled) < self._prefetch and (taken := self._queue.take()):
                delivery = _LocalDelivery(self, *taken)
                self._unsettled.add(delivery)
                return delivery
            await self._queue.changed.wait()
        raise StopAsyncIteration

    def settle(self, delivery: _LocalDelivery, *, again: bool) -> None:
        if delivery in self._unsettled:
            self._unsettled.remove(delivery)
            if again:
                self._queue.put(delivery.bell, delivery.attempts + 1)
            self._queue.ring()

    def give_back(self) -> None:
        for delivery in self._unsettled:
            self._queue.put(delivery.bell, delivery.attempts)
        self._unsettled.clear()


class _LocalDelivery(Delivery):
    def __init__(self, subscription: _Subscription, bell: Bell, attempts: int) -> None:
        self._subscription, self.bell, self.attempts = subscription, bell, attempts

    async def ack(self) -> None:
        self._subscription.settle(self, again=False)

    async def reject(self) -> None:
        self._subscription.settle(self, again=True)
