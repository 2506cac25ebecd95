"""The composition root of the training service: wires, and does nothing else."""

from __future__ import annotations

from common.http import maintenance
from common.jobs.catalogue import Catalogue
from common.jobs.events import JobEvents
from common.runtime import Runtime
from common.service import Service
from training_service import repository
from training_service.clients import Sessions
from training_service.conduct import Conduct
from training_service.handlers import TrainingHandlers
from training_service.searches import SearchHandlers
from training_service.workers import event, rest, task


def build(runtime: Runtime) -> Service:
    """The training service on this runtime."""
    catalogue = Catalogue(runtime.client("catalog", caller="training"))
    sessions = Sessions(runtime.client("session", caller="training"))
    records = repository.searches(runtime)
    handlers = TrainingHandlers(runtime, catalogue=catalogue, sessions=sessions, searches=records)
    searches = SearchHandlers(runtime, catalogue=catalogue, sessions=sessions, searches=records, trainings=handlers)
    repositories = [handlers.jobs, records]
    routers = [
        *rest.routes(handlers),
        *rest.search_routes(searches),
        maintenance.routes("training", runtime, repositories),
    ]
    app = runtime.app("training", title="trainings and searches", routers=routers)
    app.state.jobs, app.state.searches = handlers, searches
    events = event.worker(handlers)
    return Service(
        "training",
        app,
        repositories,
        listeners={"training.listen": events.listen, "search.listen": JobEvents(searches, "training").listen},
        event_loops={
            "training.sweep": events.sweep,
            "training.searches": event.SearchEvents(searches, Conduct(searches, handlers)).run,
        },
        task_loops={"training.tasks": task.worker(handlers).run},
    )
