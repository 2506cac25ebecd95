"""The composition root of the training service: wires, and does nothing else."""

from __future__ import annotations

from common.http import maintenance
from common.jobs.catalogue import Catalogue
from common.runtime import Runtime
from common.service import Service
from training_service.clients import Sessions
from training_service.handlers import TrainingHandlers
from training_service.workers import event, rest, task


def build(runtime: Runtime) -> Service:
    """The training service on this runtime."""
    handlers = TrainingHandlers(
        runtime,
        catalogue=Catalogue(runtime.client("catalog", caller="training")),
        sessions=Sessions(runtime.client("session", caller="training")),
    )
    repositories = [handlers.jobs]
    routers = [*rest.routes(handlers), maintenance.routes("training", runtime, repositories)]
    app = runtime.app("training", title="trainings", routers=routers)
    app.state.jobs = handlers
    events = event.worker(handlers)
    return Service(
        "training",
        app,
        repositories,
        listeners={"training.listen": events.listen},
        event_loops={"training.sweep": events.sweep},
        task_loops={"training.tasks": task.worker(handlers).run},
    )
