"""The composition root of the storage service: wires, and does nothing else."""

from __future__ import annotations

from common.http import maintenance
from common.jobs.keys import SessionKeys
from common.runtime import Runtime
from common.service import Service
from storage_service import model, repository
from storage_service.exports import Exports
from storage_service.handlers import Handlers
from storage_service.refilling import Refilling
from storage_service.repository import Commits, Experiments, Summaries
from storage_service.views import Opener
from storage_service.workers import rest
from storage_service.workers.event import StorageEvents

NAME = "storage"


def build(runtime: Runtime) -> Service:
    """The storage service on this runtime."""
    commits = Commits(runtime.repository(repository.COMMITS, source=NAME, lifecycle=model.COMMITS))
    experiments = Experiments(
        runtime.repository(repository.EXPERIMENTS, source=NAME, lifecycle=model.EXPERIMENTS), commits
    )
    runtime.view(repository.SUMMARIES)
    summaries = Summaries(runtime.store, commits)
    keys = SessionKeys(runtime.client("session", caller=NAME))
    opener = Opener(keys, runtime.blobs)
    handlers = Handlers(experiments=experiments, commits=commits, summaries=summaries, opener=opener)
    events = StorageEvents(runtime, experiments=experiments, summaries=summaries, keys=keys)
    refilling = Refilling(runtime.store, summaries, opener)
    repositories = [experiments.repository, commits.repository]
    routers = [
        rest.routes(handlers, Exports(experiments, summaries, opener), runtime.blobs),
        rest.internal(handlers),
        maintenance.routes(NAME, runtime, repositories, refilling.into),
    ]
    app = runtime.app(NAME, title="experiments", routers=routers)
    app.state.events = events
    return Service(
        NAME,
        app,
        repositories,
        listeners={"storage.forget": events.forget},
        event_loops={"storage.events": events.run},
        ready=refilling.run,
    )
