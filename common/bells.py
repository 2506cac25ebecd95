"""Bells on the message bus, logged for what they are: asynchronous communications without payload."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from common import context, errors, logging
from common.http import calls
from common.journal import Journal
from common.ports.message_bus import Bell, Delivery, MessageBus

_BUS = "message_bus"
_OWNERS = {"key": "session", "search": "training"}
_ABOUT = {"key": "owner", "session": "session"}
"""The id that a bell has to carry, by what it begins with; `job` unless it stands here."""
_log = logging.logger("bells")


class Bells:
    """The bus as services use it: every bell leaves a `call.sent`, every delivery a `call.received`."""

    def __init__(self, bus: MessageBus, journal: Journal) -> None:
        self._bus, self._journal = bus, journal

    async def ring(self, kind: str, ids: Mapping[str, str]) -> None:
        """Ring; when the bus is away that is logged and nothing else, because the sweep makes up for it."""
        record = self._begun("sent", kind, ids, source=sender(kind), destination=_BUS)
        outcome = "failed"
        try:
            await self._bus.publish(Bell(kind, ids))
            outcome = "ok"
        except errors.Unavailable:
            _log.warning("bell not rung", bell=kind)
        finally:
            self._ended(record, outcome)

    @contextlib.asynccontextmanager
    async def listen(
        self, service: str, queue: str, kinds: Sequence[str], *, prefetch: int
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        """Deliveries for `service` as `MessageBus.subscribe` gives them."""
        async with self._bus.subscribe(queue, kinds, prefetch=prefetch) as deliveries:
            yield self._logged(service, deliveries)

    async def _logged(self, service: str, deliveries: AsyncIterator[Delivery]) -> AsyncIterator[Delivery]:
        async for delivery in deliveries:
            kind, ids = delivery.bell.kind, delivery.bell.ids
            if _ABOUT.get(kind.partition(".")[0], "job") not in ids:
                _log.error("bell says of nothing, passed over", bell=kind)
                await delivery.ack()
                continue
            self._ended(self._begun("received", kind, ids, source=sender(kind), destination=service), "ok")
            yield delivery

    def _begun(self, side: str, kind: str, ids: Mapping[str, str], *, source: str, destination: str) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "source": source,
            "destination": destination,
            "kind": "message",
            "mode": "async",
            "route": kind,
            **{("record" if name == "job" else name): value for name, value in ids.items()},
        }
        writer = source if side == "sent" else destination
        event = calls.event(side, facts, source=writer, cause=context.current())
        self._journal.begin(event)
        return event

    def _ended(self, event: Mapping[str, Any], outcome: str) -> None:
        self._journal.end({**event, "data": {**event["data"], "outcome": outcome}})


def sender(kind: str) -> str:
    """The service that rings bells of a kind: the one that is called as the record, but for keys and searches."""
    record = kind.partition(".")[0]
    return _OWNERS.get(record, record)
