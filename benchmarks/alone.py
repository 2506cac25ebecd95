"""A process for a floor: for every line that it reads, an order in JSON, it does the work and answers a line."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from common.adapters.task_runner.worker import THREAD_VARIABLES

ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
"""The environment in which libraries compute with as many threads as in a task of the platform."""

Ask = Callable[[dict[str, Any]], tuple[float, Any]]
"""Seconds from an order to its answer, and the answer."""


@contextlib.contextmanager
def alone(module: str) -> Iterator[Ask]:
    """`python -m module`, which calls `serve`; a `RuntimeError` if it fails."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module],
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        wanted, said = process.stdin, process.stdout

        def ask(order: dict[str, Any]) -> tuple[float, Any]:
            began = time.perf_counter()
            wanted.write(json.dumps(order) + "\n")
            wanted.flush()
            answer = said.readline()
            seconds = time.perf_counter() - began
            if not answer:
                raise RuntimeError(f"{module} failed")
            return seconds, json.loads(answer)

        yield ask
        wanted.close()


def serve(work: Callable[[dict[str, Any]], Any]) -> None:
    """The other end: work until nobody asks any more."""
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), flush=True)
