"""Readiness of the whole: the gateway's own, and what the services of other processes say of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from common.contracts.service import Readiness
from common.http.proxy import Proxy
from common.runtime import Runtime


class Overall:
    """What `/readyz` of the door tells. Ready is the door itself; a service that is not shows as `degraded`."""

    def __init__(self, runtime: Runtime, services: Mapping[str, Proxy]) -> None:
        self._runtime, self._services = runtime, services

    async def __call__(self) -> Readiness:
        """The readiness now, within a second or two."""
        asked = asyncio.gather(*(proxy.complaints() for proxy in self._services.values()))
        own, theirs = await asyncio.gather(self._runtime.readiness(), asked)
        told = [f"{name}: {line}" for name, lines in zip(self._services, theirs, strict=True) for line in lines]
        return Readiness(ready=own.ready, degraded=[*own.degraded, *told])
