"""The same small training as a task of Celery: what `celery -A benchmarks.celery_tasks worker` runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import celery
import celery.signals

from benchmarks import floors

BROKER, DATASET = "BENCHMARK_BROKER", "BENCHMARK_DATASET"
app = celery.Celery("benchmark", broker=os.environ.get(BROKER), backend="rpc://")
# Acknowledged when it is done, as ours are: a task whose process dies is not lost.
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)


@celery.signals.worker_init.connect
def _load(**_: object) -> None:
    """In the worker itself, before it forks: its children begin with everything loaded, as ours do."""
    floors.load()


@app.task(name="fit")
def fit_small(request: str) -> int:
    """Read the file, fit the pipeline, write the artifact; gives the process that did."""
    dataset = Path(os.environ[DATASET])
    asked: dict[str, Any] = json.loads(request)
    floors.fit(asked, dataset, dataset.with_name(f"artifact-{os.getpid()}"))
    return os.getpid()
