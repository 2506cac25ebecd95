"""Other people's reads beside tasks that misbehave. As a program: a platform whose trainings are mischief.

What a training does there is told by a file of its data folder: the name of a function, of the tests' or of this
module. The platform's own limits hold, and as many run as there are cores.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import Latency, percentile
from benchmarks.server import Server, server, small
from common.ports.task_runner import TaskFiles

_PATH = "/v1/datasets/iris"
_MISCHIEF = (
    ("segfault", "tests.tasks_for_tests:segfault"),
    ("memory taken by threads", "tests.tasks_for_tests:eat_memory_with_numpy"),
    ("fork bomb", "tests.tasks_for_tests:fork_bomb"),
    ("threads without end", "benchmarks.beside:threads_without_end"),
    ("loop in C, SIGTERM ignored", "tests.tasks_for_tests:spin"),
    ("output without end", "tests.tasks_for_tests:flood_output"),
    ("files without end", "tests.tasks_for_tests:flood_disk"),
    ("grandchildren that compute", "benchmarks.beside:grandchildren"),
)
_TOLD = "mischief"
_SECONDS = 1.5
_TOGETHER = 2


def reads(scale: Scale) -> Sequence[Figure]:
    """p99 of reads beside two tasks of each kind, against the p99 of the seconds before."""
    figures = []
    with server(module="benchmarks.beside", slots=str(_TOGETHER)) as ours:
        _wait_for_data(ours)
        session = ours.session("mischief")
        for name, function in _MISCHIEF:
            (ours.folder / _TOLD).write_text(function)
            alone, beside, ratios = list[float](), list[float](), list[float]()
            for _ in range(scale.rounds):
                before = _latencies(ours, _SECONDS)
                with _at_work(ours, session):
                    during = _latencies(ours, _SECONDS)
                ratios.append(percentile(during, 0.99) / percentile(before, 0.99))
                alone += before
                beside += during
            told = (str(Latency(tuple(beside))), str(Latency(tuple(alone))))
            figures.append(at_most(f"B reads beside: {name}, p99 against none", *told, ratios, 2))
    return figures


def _wait_for_data(ours: Server) -> None:
    end = time.monotonic() + 60
    while ours.http.get(_PATH).status_code != 200:
        if time.monotonic() > end:
            raise TimeoutError(f"no {_PATH}")
        time.sleep(0.1)


def _latencies(ours: Server, seconds: float) -> list[float]:
    found = []
    connection = http.client.HTTPConnection(urlsplit(ours.url).netloc)
    try:
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            connection.request("GET", _PATH)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{_PATH}: {answer.status}")
            found.append(time.perf_counter() - began)
    finally:
        connection.close()
    return found


@contextlib.contextmanager
def _at_work(ours: Server, session: str) -> Iterator[None]:
    """Tasks of this kind run, and others when they have ended; afterwards none does."""
    over = threading.Event()
    begun = threading.Barrier(_TOGETHER + 1)
    culprits = [threading.Thread(target=_again, args=(ours, session, begun, over)) for _ in range(_TOGETHER)]
    for one in culprits:
        one.start()
    begun.wait(60)
    try:
        yield
    finally:
        over.set()
        for one in culprits:
            one.join()


def _again(ours: Server, session: str, begun: threading.Barrier, over: threading.Event) -> None:
    first = True
    while not over.is_set():
        job = ours.json("POST", "/v1/trainings", json=small(session))
        while job["state"] == "queued":
            time.sleep(0.02)
            job = ours.json("GET", f"/v1/trainings/{job['id']}")
        if first:
            begun.wait(60)
            first = False
        while job["state"] in ("queued", "running", "cancelling"):
            if over.is_set() and job["state"] != "cancelling":
                ours.http.post(f"/v1/trainings/{job['id']}:cancel")
            over.wait(0.5)
            job = ours.json("GET", f"/v1/trainings/{job['id']}")


def threads_without_end(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """Each computes, in C and without the interpreter's lock."""
    import hashlib

    def compute() -> None:
        data = bytes(2**20)
        while True:
            hashlib.sha256(data)

    while True:
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=compute, daemon=True).start()


def grandchildren(request: dict[str, Any], files: TaskFiles) -> NoReturn:
    """Eight programs, each in a session of its own, that compute."""
    for _ in range(8):
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    while True:
        signal.pause()


def _with_mischief() -> None:
    from common.adapters.task_runner.process import ProcessTaskRunner
    from embedded.__main__ import main

    run, build = ProcessTaskRunner.run, ProcessTaskRunner.__init__

    def built(self: ProcessTaskRunner, root: Path, *, functions: Sequence[str], **more: Any) -> None:
        build(self, root, functions=(*functions, "tests.tasks_for_tests:", "benchmarks.beside:"), **more)

    async def misled(self: ProcessTaskRunner, task: Any, **more: Any) -> Any:
        if task.function.startswith("training_service."):
            told = (self._root.parent / _TOLD).read_text()
            task = replace(task, function=told)
        return await run(self, task, **more)

    ProcessTaskRunner.__init__ = built  # type: ignore[method-assign]
    ProcessTaskRunner.run = misled  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    _with_mischief()
