"""The steps of a training's task function, timed in children of a bare fork server (`python -m benchmarks.steps`)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import floors
from benchmarks.alone import serve


def _children(order: Mapping[str, Any]) -> list[Any]:
    """For each of several children when which step of its task began, and when the last one ended."""
    dataset, runs = Path(order["dataset"]), []
    for number in range(order["runs"]):
        reading, writing = os.pipe()
        if os.fork() == 0:
            steps: list[tuple[str, float]] = []
            began = time.perf_counter()
            floors.same_work(order["request"], dataset, dataset.with_name(f"artifact-{number}"), _told(steps, began))
            steps.append(("", time.perf_counter() - began))
            os.write(writing, json.dumps(steps).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as said:
            runs.append(json.loads(said.read()))
        os.wait()
    return runs


def _told(steps: list[tuple[str, float]], began: float) -> Callable[[str], None]:
    def tell(step: str) -> None:
        if not steps or steps[-1][0] != step:
            steps.append((step, time.perf_counter() - began))

    return tell


if __name__ == "__main__":
    floors.load()
    serve(_children)
