"""Verifying and rebuilding the whole system: each service looks at its own records, the gateway asks all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import errors, ids, logging
from common.contracts.log import Rebuild, ServiceVerification, Verification
from common.filtering.conditions import And, Comparison, In, Not
from common.http.client import ServiceClient
from common.http.problems import document
from common.ports.event_log import EventLog, Moment

TIMEOUT = 3_600.0
_KEPT = 100
_BATCH = 500
_FLAWS_LIMIT = 1_000
_log = logging.logger("gateway")


class Verifier:
    """Asks every service, and looks for changes in the log that no service answers for."""

    def __init__(self, log: EventLog, services: Mapping[str, ServiceClient]) -> None:
        self._eventlog, self._services = log, services

    async def verify(self) -> Verification:
        """The answers of all services. Raises `errors.Unavailable` when one does not answer."""
        started = time.monotonic()
        found = []
        for client in self._services.values():  # one after the other: each reads as fast as the disk allows
            answer = await client.call("POST", "/internal/records:verify", timeout=TIMEOUT)
            found.append(ServiceVerification.model_validate(answer))
        if strangers := await self._strangers():
            found.append(ServiceVerification(service="", records=0, events=0, digest="", flaws=strangers))
        return Verification(
            ok=not any(service.flaws for service in found),
            records=sum(service.records for service in found),
            events=sum(service.events for service in found),
            seconds=round(time.monotonic() - started, 3),
            services=found,
        )

    async def _strangers(self) -> list[dict[str, Any]]:
        """Flaws for subjects whose events come from no service that exists."""
        where = And((Comparison("kind", "=", "state"), Not(In("service", tuple(self._services)))))
        flaws: dict[str, dict[str, Any]] = {}
        after: Moment | None = None
        while len(flaws) < _FLAWS_LIMIT:
            page = await self._eventlog.query(where=where, newest_first=False, after=after, limit=_BATCH)
            for each in page:
                subject = str(each.event.get("subject", ""))
                detail = f"its events come from {each.event['source']!r}, which is no service"
                flaws.setdefault(subject, {"record": subject, "kind": "unknown_source", "detail": detail})
            if len(page) < _BATCH:
                break
            after = page[-1].moment
        return list(flaws.values())


@dataclass
class _Run:
    rebuild: Rebuild
    key: str | None
    task: asyncio.Task[None] | None = None


class Rebuilds:
    """Rebuilds of this process; the last ones can be asked for."""

    def __init__(self, services: Mapping[str, ServiceClient], path_of: Callable[[str], Path]) -> None:
        """`path_of` says where the store of a name is or will be."""
        self._services, self._path_of = services, path_of
        self._runs: dict[str, _Run] = {}

    def start(self, into: str, key: str | None) -> tuple[Rebuild, bool]:
        """Begin a rebuild into a new store; or the one that was begun with this idempotency key, and True.

        Raises `errors.Conflict` when the store is there already, `errors.KeyReused`.
        """
        for run in self._runs.values():
            if key is not None and run.key == key:
                if run.rebuild.into != into:
                    raise errors.KeyReused()
                return run.rebuild, True
        busy = any(run.rebuild.into == into and run.rebuild.state == "running" for run in self._runs.values())
        if busy or self._path_of(into).exists():
            raise errors.Conflict(f"there is a rebuilt store called {into} already; choose another name")
        run = _Run(Rebuild(id=ids.new_id("rbd"), state="running", into=into), key)
        for old in list(self._runs)[: 1 - _KEPT]:
            if self._runs[old].rebuild.state != "running":
                del self._runs[old]
        self._runs[run.rebuild.id] = run
        run.task = asyncio.create_task(self._work(run), name=run.rebuild.id)
        return run.rebuild, False

    def show(self, identifier: str) -> Rebuild:
        """A rebuild as it is now. Raises `errors.NotFound`."""
        if identifier not in self._runs:
            raise errors.NotFound(f"there is no rebuild {identifier!r}; they are forgotten when the platform stops")
        return self._runs[identifier].rebuild

    async def wait(self, identifier: str, seconds: float) -> Rebuild:
        """The rebuild when it has ended, or as it is after `seconds`."""
        task = self._runs[identifier].task
        if task is not None and seconds > 0:
            await asyncio.wait([task], timeout=seconds)
        return self.show(identifier)

    async def _work(self, run: _Run) -> None:
        told: list[dict[str, Any]] = []
        try:
            for client in self._services.values():
                # One after the other: they write into one file.
                told.append(
                    await client.call(
                        "POST", "/internal/records:rebuild", body={"into": run.rebuild.into}, timeout=TIMEOUT
                    )
                )
            change: dict[str, Any] = {"state": "done", "ok": all(each["ok"] for each in told)}
        except errors.AutoLearnError as error:
            change = {"state": "failed", "ok": False, "problem": document(error)}
        except Exception as error:
            _log.error("rebuild failed", rebuild=run.rebuild.id, exc_info=error)
            change = {"state": "failed", "ok": False, "problem": document(errors.Internal())}
        run.rebuild = run.rebuild.model_copy(update={**change, "services": told})
