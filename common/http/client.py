"""Calls from service to service: REST with the trace, the service token and the rest of the deadline in the headers."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from common import context, errors
from common.http import calls, deadline
from common.http.in_process import InProcess
from common.journal import Journal

TIMEOUT = 5.0
_TRIES = 3


class ServiceClient:
    """One service as another one sees it. Every call may be repeated: what is called is idempotent by design."""

    def __init__(
        self, http: httpx.AsyncClient | InProcess, *, caller: str, service: str, token: str, journal: Journal | None
    ) -> None:
        self._http, self._caller, self._service, self._token, self._journal = http, caller, service, token, journal

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> Any:
        """The JSON value of the answer, None for an empty one.

        Raises the error that the other service answered with, `errors.Unavailable` when it does not answer in time.
        """
        for attempt in range(_TRIES):
            try:
                return await self._once(method, path, body, query, timeout)
            except errors.Unavailable:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, no secret
        raise AssertionError("unreachable")

    async def _once(self, method: str, path: str, body: Any, query: Mapping[str, Any] | None, timeout: float) -> Any:
        cause = context.current().child()
        if cause.deadline is not None:
            timeout = max(0.0, min(timeout, cause.deadline - time.monotonic()))
        headers = {
            "traceparent": cause.traceparent,
            "authorization": f"Bearer {self._token}",
            "autolearn-source": self._caller,
            "autolearn-actor": cause.actor,
            "autolearn-causation": cause.causation,
        }
        if cause.deadline is not None:
            headers[deadline.HEADER] = f"{timeout:.3f}"
        content = None
        if body is not None:
            content = json.dumps(body, allow_nan=False).encode()
            headers["content-type"] = "application/json"
        facts = {
            "source": self._caller,
            "destination": self._service,
            "kind": "rest",
            "mode": "sync",
            "method": method,
            "route": path.partition("?")[0],
            "request_size": len(content or b""),
        }
        record = calls.event("sent", facts, source=self._caller, cause=cause)
        if self._journal:
            self._journal.begin(record)
        started, status, answer = time.monotonic(), 0, b""
        try:
            # Here, for both ways: in one process nothing else would end a call that takes too long.
            async with asyncio.timeout(timeout):
                response = await self._http.request(method, path, content=content, params=query, headers=headers)
            status, answer = response.status_code, response.content
        except (TimeoutError, httpx.TransportError) as error:
            raise errors.Unavailable(f"the {self._service} service does not answer") from error
        finally:
            if self._journal:
                facts.update(
                    status=status,
                    outcome=calls.outcome(status) if status else "unreachable",
                    duration=round(time.monotonic() - started, 6),
                    response_size=len(answer),
                )
                self._journal.end({**record, "data": facts})
        try:
            value = json.loads(answer) if answer else None
        except ValueError as error:  # not ours: something between the services has answered
            if status < 400:
                raise errors.Internal(f"the {self._service} service answered with what is no JSON") from error
            value = None
        if status >= 400:
            raise errors.from_problem(value if isinstance(value, dict) else {"status": status})
        return value
