"""The composition root of the session service: wires, and does nothing else."""

from __future__ import annotations

from common.http import maintenance
from common.runtime import Runtime
from common.service import Service
from session_service import model, repository
from session_service.arrivals import Arrivals
from session_service.clients import SERVICES, Jobs, Storage
from session_service.commitment import Commitment
from session_service.erasure import Erasure
from session_service.handlers import Handlers
from session_service.keys import Keys
from session_service.repository import Records, Sessions
from session_service.views import Views
from session_service.workers import rest
from session_service.workers.event import SessionEvents

NAME = "session"


def build(runtime: Runtime) -> Service:
    """The session service on this runtime."""
    sessions = Sessions(runtime.repository(repository.SESSIONS, source=NAME, lifecycle=model.SESSIONS))
    records = Records(runtime.repository(repository.RECORDS, source=NAME, lifecycle=model.RECORDS))
    keys = Keys(runtime.repository(repository.KEYS, source=NAME, lifecycle=model.KEYS), runtime.keyring)
    clients = {name: runtime.client(name, caller=NAME) for name in ("training", "evaluation")}
    jobs = Jobs({kind: clients[service] for kind, service in SERVICES.items()})
    storage = Storage(runtime.client("storage", caller=NAME))
    arrivals = Arrivals(runtime, sessions, records, jobs)
    erasure = Erasure(runtime, sessions=sessions, records=records, keys=keys, jobs=jobs, arrivals=arrivals)
    commitment = Commitment(runtime, sessions=sessions, records=records, keys=keys, jobs=jobs, storage=storage)
    views = Views(keys, records)
    handlers = Handlers(
        runtime,
        sessions=sessions,
        records=records,
        keys=keys,
        jobs=jobs,
        arrivals=arrivals,
        erasure=erasure,
        views=views,
    )
    events = SessionEvents(
        runtime, sessions=sessions, arrivals=arrivals, commitment=commitment, erasure=erasure, views=views
    )
    repositories = [sessions.repository, records.repository, keys.repository]
    routers = [
        rest.routes(handlers),
        rest.internal(handlers, keys),
        maintenance.routes(NAME, runtime, repositories, keys.carry_over),
    ]

    async def start() -> None:
        await keys.check_ring()
        await keys.destroy_again(runtime.log)

    app = runtime.app(NAME, title="sessions", routers=routers)
    app.state.events = events
    return Service(
        NAME,
        app,
        repositories,
        listeners={"session.listen": events.listen},
        event_loops={"session.events": events.run},
        start=start,
    )
