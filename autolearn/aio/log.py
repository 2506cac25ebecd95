"""The event log: every call and every change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from autolearn import sse
from autolearn.aio.pages import Pages
from autolearn.backoff import Backoff
from autolearn.failures import Unreachable, WaitTimedOut
from autolearn.references import Named, segment
from autolearn.transport import Transport
from common import errors
from common.contracts.log import LoggedEvent, Rebuild, Verification


class Log:
    """`c.log`: read it, follow it, verify the state against it, rebuild from it.

    Events can be selected by `service peer actor kind` (`call` or `state`) `route outcome session record
    since until`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def events(
        self,
        *,
        order: str | None = None,
        limit: int | None = None,
        service: str | None = None,
        peer: str | None = None,
        actor: str | None = None,
        kind: str | None = None,
        route: str | None = None,
        outcome: str | None = None,
        session: str | None = None,
        record: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Pages[LoggedEvent]:
        """Events, newest first (`order="asc"`: oldest first); `since` and `until` are RFC 3339 times."""
        params = {
            "order": order,
            "service": service,
            "peer": peer,
            "actor": actor,
            "kind": kind,
            "route": route,
            "outcome": outcome,
            "session": session,
            "record": record,
            "since": since,
            "until": until,
        }
        return Pages(self._transport, "/v1/log/events", LoggedEvent, limit=limit, params=params)

    async def stream(
        self,
        *,
        after: int | None = None,
        service: str | None = None,
        peer: str | None = None,
        actor: str | None = None,
        kind: str | None = None,
        route: str | None = None,
        outcome: str | None = None,
        session: str | None = None,
        record: str | None = None,
    ) -> AsyncIterator[LoggedEvent]:
        """Events as they arrive, without end; `after` an arrival number, else from now.

        Connects again when it breaks.
        """
        filters = {
            "service": service,
            "peer": peer,
            "actor": actor,
            "kind": kind,
            "route": route,
            "outcome": outcome,
            "session": session,
            "record": record,
        }
        patience, last, told = Backoff(within=60.0, first=0.2), after, False
        while True:
            headers = {"Accept": "text/event-stream"}
            if last is not None:
                headers["Last-Event-ID"] = str(last)
            try:
                stream = self._transport.stream("/v1/log/stream", params=filters, headers=headers)
                async with stream as answer:
                    told = False
                    with patience.lasting():
                        async for message in sse.messages(answer.aiter_bytes()):
                            patience.reset()
                            event = LoggedEvent.model_validate(message.json())
                            last = event.arrival
                            yield event
            except (Unreachable, errors.Unavailable):
                if patience.left == 0.0:
                    raise
            if not told:
                told = True
                self._transport.remark(f"the stream ended; connecting again for {patience.left:.0f} s")
            if not await patience.pause():
                raise Unreachable("the log cannot be followed: the stream keeps breaking")

    async def trace(self, trace: Named) -> list[LoggedEvent]:
        """Everything of one trace, by its id or by a record's: calls and changes through all services, in
        order."""
        said = await self._transport.get(f"/v1/log/traces/{segment(trace)}")
        return [LoggedEvent.model_validate(item) for item in said["items"]]

    async def verify(self, *, timeout: float = 600.0) -> Verification:
        """Compare every stored record with the fold of its events."""
        answer = await self._transport.send("GET", "/v1/log:verify", timeout=timeout)
        return Verification.model_validate(self._transport.document(answer))

    async def rebuild(self, into: str, *, timeout: float = 600.0) -> Rebuild:
        """Build every read model anew from the log, in an empty store called `into`, and wait until that is
        done."""
        waiting = Backoff(within=timeout, first=0.2, longest=2.0)
        answer = await self._transport.send("POST", "/v1/log:rebuild", json={"into": into})
        said: Any = self._transport.document(answer)
        rebuild = Rebuild.model_validate(said)
        where = answer.headers.get("Location") or f"/v1/log/rebuilds/{rebuild.id}"
        while rebuild.state not in ("done", "failed"):
            if not await waiting.pause():
                raise WaitTimedOut(f"rebuild {rebuild.id} is still {rebuild.state} after {timeout:g} s; it goes on")
            rebuild = Rebuild.model_validate(await self._transport.get(where))
        return rebuild
