"""Event role: hears of ended jobs and destroyed keys, and sweeps blobs that no record names."""

from __future__ import annotations

from common.jobs.events import JobEvents
from evaluation_service.handlers import EvaluationHandlers


def worker(handlers: EvaluationHandlers) -> JobEvents:
    """The loop of this role."""
    return JobEvents(handlers)
