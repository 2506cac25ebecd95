"""The composition of the catalogue service."""

from __future__ import annotations

from catalog_service.builtin import Builtin
from catalog_service.clients import Referrers
from catalog_service.estimators import Estimators
from catalog_service.handlers import Handlers
from catalog_service.model import LIFECYCLE
from catalog_service.repository import COLLECTION, Datasets
from catalog_service.sweeping import Sweeper
from catalog_service.tables import Tables
from catalog_service.uploads import Uploads
from catalog_service.workers import catalogue, event, rest, task
from common.http import maintenance
from common.runtime import Runtime
from common.service import Service

NAME = "catalog"
_REFERRING = ("training", "evaluation", "storage")


def build(runtime: Runtime) -> Service:
    """The catalogue service on an open runtime."""
    settings = runtime.settings
    records = runtime.repository(COLLECTION, source=NAME, lifecycle=LIFECYCLE)
    tables = Tables(
        runtime.tasks,
        slots=settings.slots,
        memory=settings.parse_memory,
        seconds=settings.task_seconds,
        attempts=settings.attempts,
    )
    uploads = Uploads(settings.data / "uploads", limit=settings.upload_limit)
    handlers = Handlers(
        Datasets(records),
        blobs=runtime.blobs,
        tables=tables,
        referrers=Referrers([runtime.client(service, caller=NAME) for service in _REFERRING]),
        keyring=runtime.keyring,
    )
    routers = [
        rest.routes(handlers, uploads, upload_limit=settings.upload_limit),
        catalogue.routes(Estimators(tables, settings.estimator_packages)),
        maintenance.routes(NAME, runtime, [records]),
    ]
    return Service(
        name=NAME,
        app=runtime.app(NAME, title="catalogue", routers=routers),
        repositories=[records],
        event_loops=event.loops(Sweeper(records, runtime.blobs, grace=settings.blob_grace)),
        task_loops=task.loops(),
        start=uploads.start,
        ready=Builtin(handlers, uploads, tables).run if settings.builtin_datasets else None,
    )
