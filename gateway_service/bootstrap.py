"""The composition of the gateway service."""

from __future__ import annotations

from common import errors
from common.backup.taking import Backups
from common.runtime import Runtime
from common.service import Service
from common.settings import SERVICES
from gateway_service.clients import Finder
from gateway_service.events import Events
from gateway_service.front import Front
from gateway_service.jobs import Jobs
from gateway_service.readiness import Overall
from gateway_service.verifying import Rebuilds, Verifier
from gateway_service.workers import event, rest, task

NAME = "gateway"
_JOBS = {"training": "training", "evaluation": "evaluation", "search": "training"}
"""The service that has the jobs of a kind."""


def build(runtime: Runtime) -> Service:
    """The gateway service on an open runtime."""
    services = {name: runtime.client(name, caller=NAME) for name in SERVICES}

    async def settle() -> None:
        if runtime.journal.behind:
            detail = "the event log is away; `/v1/log/recent` shows the last calls of this process meanwhile"
            raise errors.Unavailable(detail, retry_after=5)
        await runtime.journal.flush()
        if runtime.relay:
            await runtime.relay.ship()

    events = Events(runtime.log, settle)
    verifier = Verifier(runtime.log, services)
    rebuilds = Rebuilds(services, runtime.rebuilt_path)
    backups = Backups(runtime)
    routers = [
        rest.log_routes(events, Finder(services), verifier, rebuilds, runtime.journal.recent),
        rest.job_routes(Jobs({kind: services[name] for kind, name in _JOBS.items()})),
        rest.admin_routes(backups),
    ]
    proxies = runtime.services.proxies()
    app = runtime.app(NAME, title="gateway", routers=routers, services=SERVICES, ready=Overall(runtime, proxies))
    return Service(
        name=NAME,
        app=app,
        door=Front({**proxies, NAME: app}) if proxies else None,
        event_loops=event.loops(runtime.log, runtime.settings.sweep),
        task_loops=task.loops(),
        start=backups.start,
    )
