"""Task role: claims jobs and runs each in a process of its own."""

from __future__ import annotations

from common.jobs.worker import TaskWorker
from training_service.handlers import TrainingHandlers, summarise

FUNCTION = "training_service.tasks.train:run"


def worker(handlers: TrainingHandlers) -> TaskWorker:
    """The loop of this role."""
    return TaskWorker(handlers, function=FUNCTION, prepare=handlers.prepare, summarise=summarise)
