"""The floors: the barest programs that do the same work. `python -m benchmarks.floors` is the bare fork server.

It loads what ours loads, then forks a child for every line it reads. Small trainings: the same file is read, the same
pipeline fitted, the same artifact written; no sealing, no records, no limits, and no measures but with `measure`. With
`same_work` the child calls the platform's own task function on plain files: what remains is what the platform adds.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.alone import Ask, alone, serve

Work = Callable[[dict[str, Any], Path, Path], None]
Request = Mapping[str, Any] | None


class BareForkServer:
    """The other end of that process."""

    def __init__(self, ask: Ask, request: Mapping[str, Any], dataset: Path) -> None:
        self._ask, self._request, self._dataset = ask, request, dataset
        self.peak = 0
        """The most memory (resident set) that a child of the last order had, in bytes."""

    def fit(self, count: int = 1, together: int = 1, *, work: str = "fit", request: Request = None) -> float:
        """Seconds in which `count` children do the request, `together` at a time: `fit measure same_work`.

        `request` is another one for this time.
        """
        order = {
            "request": request or self._request,
            "dataset": str(self._dataset),
            "count": count,
            "together": together,
            "work": work,
        }
        seconds, self.peak = self._ask(order)
        return seconds


@contextlib.contextmanager
def bare_fork_server(request: Mapping[str, Any], dataset: Path) -> Iterator[BareForkServer]:
    """A bare fork server for a request as the platform completed it."""
    with alone("benchmarks.floors") as ask:
        yield BareForkServer(ask, request, dataset)


def load() -> None:
    """Import and try out what children need, as the platform's fork server does before it has any."""
    from common.learning import rehearsal
    from common.runtime import TASKS

    for name in dict.fromkeys(one.partition(":")[0] for one in TASKS):
        importlib.import_module(name)
    rehearsal.rehearse()
    gc.collect()
    gc.freeze()


def _done(order: Mapping[str, Any]) -> int:
    """Do an order; the most memory that a child had, in bytes."""
    left, running, peak = order["count"], set(), 0
    while left or running:
        while left and len(running) < order["together"]:
            child = os.fork()
            if child == 0:
                _child(WORKS[order["work"]], order["request"], Path(order["dataset"]))
            running.add(child)
            left -= 1
        ended, status, used = os.wait3(0)
        running.remove(ended)
        peak = max(peak, used.ru_maxrss * 1024)
        if status:
            sys.exit(1)
    return peak


def _child(work: Work, request: dict[str, Any], dataset: Path) -> None:
    code = 1
    try:
        work(request, dataset, dataset.with_name(f"artifact-{os.getpid()}"))
        code = 0
    finally:
        os._exit(code)


def fit(request: dict[str, Any], dataset: Path, target: Path) -> None:
    """The work itself; writes the artifact to `target` durably, then removes it."""
    model, _, _ = _fitted(request, dataset)
    _save(model, target)


def measure(request: dict[str, Any], dataset: Path, target: Path) -> None:
    """The work, and what nobody leaves out who wants to know what it is worth: measures of the rows held out."""
    from common.learning import measuring, registry
    from common.learning.notes import Notes

    model, rows, held_out = _fitted(request, dataset)
    entries = [registry.measures()[name] for name in request["measures"]]
    positive = measuring.positive_class(measuring.classes(model), request["positive_class"])
    found = measuring.predict(model, request["task"], rows.rows(held_out), positive, Notes(), "test")
    measuring.measure(found, entries, Notes(), "test")
    _save(model, target)


def _fitted(request: dict[str, Any], dataset: Path) -> tuple[Any, Any, Any]:
    """The fitted pipeline, all rows, and which of them were held out."""
    from common.learning import preprocessing, registry, sample
    from common.learning.notes import Notes
    from common.learning.split import divide

    notes = Notes()
    columns = preprocessing.usable(request["columns"], notes)
    rows = sample.read(dataset, columns, {"name": request["target"], "type": request["target_type"]})
    split = divide(rows.target, request["task"], request["split"], notes)
    train = rows.rows(split.train)
    algorithm = registry.algorithms()[request["algorithm"]]
    estimator = algorithm.build(request["task"], request["parameters"], 1)
    model = preprocessing.pipeline(columns, estimator, dense=algorithm.dense)
    model.fit(train.features, train.target)
    return model, rows, split.test


def _save(model: Any, target: Path) -> None:
    from common.learning import artifact

    with _durable(target) as file:
        file.write(artifact.dump(model))


class _PlainFiles:
    """`TaskFiles` of a task that nobody runs: one input, one output; `tell` is told the steps."""

    def __init__(self, dataset: Path, target: Path, tell: Callable[[str], None]) -> None:
        self._dataset, self._target, self._tell = dataset, target, tell

    def input(self, name: str) -> Path:
        return self._dataset

    def read(self, name: str) -> bytes:
        raise NotImplementedError("a training has no sealed input")

    def write(self, name: str) -> contextlib.AbstractContextManager[BinaryIO]:
        return _durable(self._target)

    def output_path(self, name: str) -> Path:
        raise NotImplementedError("a training has no plain output")

    def progress(self, step: str, fraction: float | None = None, message: str = "") -> None:
        self._tell(step)


def same_work(
    request: dict[str, Any], dataset: Path, target: Path, tell: Callable[[str], None] = lambda step: None
) -> None:
    """The training's task function, on plain files and with its result thrown away."""
    from training_service.tasks import train

    train.run({**request, "threads": 1}, _PlainFiles(dataset, target, tell))


WORKS: Mapping[str, Work] = {"fit": fit, "measure": measure, "same_work": same_work}


@contextlib.contextmanager
def _durable(target: Path) -> Iterator[BinaryIO]:
    """A file that is flushed to disk under another name, and removed again."""
    temporary = target.with_suffix(".new")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(target)
    target.unlink()


if __name__ == "__main__":
    load()
    serve(_done)
