"""Logging of calls as a pure ASGI middleware: a journal line before the handler, one before the answer goes out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import context, errors, ids, times
from common.http import problems
from common.journal import Journal

# Health is asked every few seconds, what `status` asks must be answered on a full disk too, and the log must not log
# its own reading (it would grow by being read).
_SILENT = ("/livez", "/readyz", "/v1/info", "/docs", "/openapi.json", "/v1/log")
_notes: ContextVar[dict[str, Any] | None] = ContextVar("autolearn_call_notes", default=None)


def note(**facts: Any) -> None:
    """Add plain facts (`session`, `record`) or an existing token (`payload`) to the call that is being handled."""
    found = _notes.get()
    if found is not None:
        found.update({name: value for name, value in facts.items() if value is not None})


def silent(path: str) -> bool:
    """Whether calls of this path are left out of the log."""
    return path.startswith(_SILENT)


def event(side: str, data: Mapping[str, Any], *, source: str, cause: context.Context) -> dict[str, Any]:
    """The CloudEvents document of one side (`sent` or `received`) of a call."""
    return {
        "specversion": "1.0",
        "id": ids.new_id("evt"),
        "type": f"autolearn.call.{side}.v1",
        "source": source,
        "time": times.now(),
        "actor": cause.actor,
        "traceparent": cause.traceparent,
        "correlationid": cause.trace_id,
        "causationid": cause.causation,
        "data": dict(data),
    }


def outcome(status: int) -> str:
    """`ok`, `refused` (the caller's doing) or `failed` (ours) of an HTTP status."""
    return "ok" if status < 400 else "refused" if status < 500 else "failed"


class CallLog:
    """Writes one `call.received` event for every HTTP request of the application it wraps."""

    def __init__(self, app: ASGIApp, *, service: str, journal: Journal, secret: bytes, token: str) -> None:
        """`secret` keys the HMAC by which bodies can be compared without being stored.

        Only a caller that shows the service `token` is believed about who it is and for whom it acts.
        """
        self.app, self._service, self._journal = app, service, journal
        self._token = f"Bearer {token}"
        self._mac = hmac.new(secret, digestmod=hashlib.sha256)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not hmac.compare_digest(headers.get("authorization", "").encode(), self._token.encode()):
            headers = {name: value for name, value in headers.items() if not name.startswith("autolearn-")}
        cause = context.from_traceparent(
            headers.get("traceparent"),
            actor=headers.get("autolearn-actor", "local"),
            causation=headers.get("autolearn-causation", ""),
        )
        with context.use(cause):
            if silent(scope["path"]):
                await self.app(scope, receive, _traced(send, cause))
            elif self._journal.full:
                self._journal.refused += 1
                full = errors.Unavailable("the event log is away and the call journal is full", retry_after=5)
                await problems.response(full, instance=scope["path"])(scope, receive, _traced(send, cause))
            else:
                await self._logged(scope, receive, send, headers, cause)

    async def _logged(
        self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str], cause: context.Context
    ) -> None:
        started = time.monotonic()
        facts: dict[str, Any] = {
            "source": headers.get("autolearn-source", "client"),
            "destination": self._service,
            "kind": "rest",
            "mode": "sync",
            "method": scope["method"],
            "path": scope["path"],
        }
        record = event("received", facts, source=self._service, cause=cause)
        try:
            self._journal.begin(record)
        except errors.StorageFull as error:
            await problems.response(error, instance=scope["path"])(scope, receive, _traced(send, cause))
            return
        request_mac, answer_mac = self._mac.copy(), self._mac.copy()
        sizes = {"request": 0, "response": 0}
        seen = {"status": 500, "ended": False}
        notes: dict[str, Any] = {}
        token = _notes.set(notes)

        def end() -> None:
            if seen["ended"]:
                return
            seen["ended"] = True
            status = int(seen["status"])
            route = scope.get("route")
            facts.update(
                route=getattr(route, "path_format", None) or getattr(route, "path", scope["path"]),
                mode="async" if status == 202 else "sync",
                status=status,
                outcome="abandoned" if seen.get("abandoned") else outcome(status),
                duration=round(time.monotonic() - started, 6),
                request_size=sizes["request"],
                response_size=sizes["response"],
                **_places(scope),
                **notes,
            )
            if sizes["request"] and "payload" not in facts:
                facts["digest"] = request_mac.hexdigest()
            if sizes["response"]:
                facts["response_digest"] = answer_mac.hexdigest()
            self._journal.end({**record, "data": facts})

        async def listening() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                body = message.get("body", b"")
                sizes["request"] += len(body)
                request_mac.update(body)
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                body = message.get("body", b"")
                sizes["response"] += len(body)
                answer_mac.update(body)
                if not message.get("more_body"):
                    end()
            await send(message)

        try:
            await self.app(scope, listening, _traced(sending, cause))
        except asyncio.CancelledError:
            # The caller has given up (a deadline, a closed connection): not a failure of this service.
            seen["abandoned"] = True
            raise
        finally:
            with contextlib.suppress(ValueError):
                _notes.reset(token)
            end()


def _places(scope: Scope) -> dict[str, str]:
    """The record and session that the path names, so that the log can be asked by them."""
    found = {}
    for value in scope.get("path_params", {}).values():
        prefix = str(value).partition("_")[0]
        if prefix == "ses":
            found["session"] = str(value)
        elif prefix in ("trn", "evl", "srch", "exp", "ds", "rec"):
            found["record"] = str(value)
    return found


def _traced(send: Send, cause: context.Context) -> Send:
    async def traced(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"traceparent", cause.traceparent.encode())]}
        await send(message)

    return traced
