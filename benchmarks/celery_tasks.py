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
app = celery.Celery("benchmark", broker=os.environ.get(BROKER))
app.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True)
DONE = "done"
"""The file beside the dataset that has a byte for every fit: of results by message some never came."""


@celery.signals.worker_init.connect
def _load(**_: object) -> None:
    """In the worker itself, before it forks: its children begin with everything loaded, as ours do."""
    floors.load()


@app.task(name="fit")
def fit_small(request: str) -> None:
    """Read the file, fit the pipeline, write the artifact, and say so."""
    dataset = Path(os.environ[DATASET])
    asked: dict[str, Any] = json.loads(request)
    floors.fit(asked, dataset, dataset.with_name(f"artifact-{os.getpid()}"))
    with dataset.with_name(DONE).open("ab", buffering=0) as done:
        done.write(b".")
