"""The services as they reach each other: in one process without a socket in between, else at their addresses."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from common.http.client import ServiceClient
from common.http.in_process import InProcess
from common.http.proxy import Proxy, tls
from common.journal import Journal


class Services:
    """The way to every service of the installation; `addresses` are the URLs of those of other processes, by name."""

    def __init__(self, addresses: Mapping[str, str], *, token: str, journal: Journal) -> None:
        self.addresses = dict(addresses)
        self._token, self._journal = token, journal
        self._apps: dict[str, ASGIApp] = {}
        self._open: list[httpx.AsyncClient | InProcess | Proxy] = []

    def add(self, name: str, app: ASGIApp) -> None:
        """A service of this process."""
        self._apps[name] = app

    def client(self, service: str, *, caller: str) -> ServiceClient:
        """The service `service` as `caller` sees it."""
        if service in self.addresses:
            # Time-outs are the caller's; proxies of the environment are for the world outside.
            url = self.addresses[service]
            http: httpx.AsyncClient | InProcess = httpx.AsyncClient(
                base_url=url,
                timeout=None,  # noqa: S113
                trust_env=False,
                verify=tls(url),
            )
        else:
            http = InProcess(self._found(service), host=service)
        self._open.append(http)
        return ServiceClient(http, caller=caller, service=service, token=self._token, journal=self._journal)

    def proxies(self) -> Mapping[str, Proxy]:
        """The services of other processes, as applications that pass everything on."""
        found = {name: Proxy(name, url) for name, url in self.addresses.items()}
        self._open.extend(found.values())
        return found

    def _found(self, service: str) -> ASGIApp:
        async def found(scope: Scope, receive: Receive, send: Send) -> None:
            # Looked up at the call, so that services can be built in any order.
            await self._apps[service](scope, receive, send)

        return found

    async def close(self) -> None:
        """Let go of all connections."""
        for one in self._open:
            await one.aclose()
