"""Task role: claims jobs and runs each in a process of its own."""

from __future__ import annotations

from common.jobs.worker import TaskWorker
from evaluation_service.handlers import EvaluationHandlers, summarise

FUNCTION = "evaluation_service.tasks.evaluate:run"


def worker(handlers: EvaluationHandlers) -> TaskWorker:
    """The loop of this role."""
    return TaskWorker(handlers, function=FUNCTION, prepare=handlers.prepare, summarise=summarise)
