"""The composition root of the evaluation service: wires, and does nothing else."""

from __future__ import annotations

from common.http import maintenance
from common.jobs.catalogue import Catalogue
from common.runtime import Runtime
from common.service import Service
from evaluation_service.clients import Trainings
from evaluation_service.handlers import EvaluationHandlers
from evaluation_service.workers import event, rest, task


def build(runtime: Runtime) -> Service:
    """The evaluation service on this runtime."""
    handlers = EvaluationHandlers(
        runtime,
        catalogue=Catalogue(runtime.client("catalog", caller="evaluation")),
        trainings=Trainings(runtime.client("training", caller="evaluation")),
        sessions=runtime.client("session", caller="evaluation"),
    )
    repositories = [handlers.jobs]
    routers = [*rest.routes(handlers), maintenance.routes("evaluation", runtime, repositories)]
    app = runtime.app("evaluation", title="evaluations", routers=routers)
    app.state.jobs = handlers
    events = event.worker(handlers)
    return Service(
        "evaluation",
        app,
        repositories,
        listeners={"evaluation.listen": events.listen},
        event_loops={"evaluation.sweep": events.sweep},
        task_loops={"evaluation.tasks": task.worker(handlers).run},
    )
