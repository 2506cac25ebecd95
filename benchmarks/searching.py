"""A search against scikit-learn's own: the same fits of the same pipeline, two at a time.

`python -m benchmarks.searching` is the floor: for every line it reads, `GridSearchCV(n_jobs=2, refit=False)` fits each
candidate on the rows that the platform learned from and scores it on those that it held out.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Scale, at_most
from benchmarks.floors import THREADS
from benchmarks.samples import in_turn, spread
from benchmarks.server import Server, server
from common import times

_TOGETHER = 2
_EPOCHS = 110
"""Passes of a perceptron over the digits that take about a second."""
_DIGITS = {"dataset": "digits", "target": "digit", "algorithm": "multilayer_perceptron"}


def grid(scale: Scale) -> list[Figure]:
    """A grid of 32 fits of about a second each (8 and a third of one when quick)."""
    count, epochs = (32, _EPOCHS) if scale.repetitions > 10 else (8, _EPOCHS // 3)
    candidates = [round(0.0001 * (1 + number), 4) for number in range(count)]
    fixed = {"max_iter": epochs}
    with server(slots=str(_TOGETHER)) as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name:
        ours.settle()
        session = ours.session("figures")
        request = ours.train(session, **_DIGITS, parameters=fixed)["request"]
        with _grid_search(request, ours.dataset("digits", Path(name)), candidates) as floor:
            taken = in_turn(
                lambda: _search(ours, session, {**fixed, "alpha": candidates}),
                floor,
                rounds=scale.rounds if count < 32 else 2,
                warmup=1,
            )
        held = _held(ours)
    sides = [spread(side, "s") for side in (taken.ours, taken.floor)]
    what = f"grid of {count} fits, {_TOGETHER} at a time, against GridSearchCV(n_jobs={_TOGETHER}, refit=False)"
    # Of the last search: which of the two it is that costs, waiting between trials or what a training does besides.
    busy = [_TOGETHER * taken.ours[-1] / held]
    total = f"{_TOGETHER * taken.ours[-1]:.3g} s"
    return [
        at_most(what, *sides, taken.ratios(), 1.2),
        at_most("grid: time of the slots against what its trials held of it", total, f"{held:.3g} s", busy, 1.1),
    ]


def _held(ours: Server) -> float:
    """The seconds for which trials of the newest search had slots, together."""
    search = ours.json("GET", "/v1/searches", params={"limit": 1})["items"][0]["id"]
    trials = ours.json("GET", "/v1/trainings", params={"filter": f"search = {search}", "limit": 500})["items"]
    spans = [times.moment(one["ended"]) - times.moment(one["started"]) for one in trials]
    return sum(span.total_seconds() for span in spans)


def _search(ours: Server, session: str, tried: dict[str, Any]) -> float:
    body: dict[str, Any] = {name: value for name, value in _DIGITS.items() if name != "algorithm"}
    space = {"algorithm": _DIGITS["algorithm"], "parameters": tried}
    began = time.perf_counter()
    asked = {**body, "session": session, "method": "grid", "algorithms": [space]}
    search = ours.json("POST", "/v1/searches", json=asked)
    while search["state"] in ("queued", "running"):
        search = ours.json("GET", f"/v1/searches/{search['id']}", headers={"Prefer": "wait=60"})
    seconds = time.perf_counter() - began
    if search["state"] != "succeeded" or search["trials"]["failed"]:
        raise RuntimeError(f"search {search['state']}: {search['problem']}")
    return seconds


@contextlib.contextmanager
def _grid_search(request: Mapping[str, Any], dataset: Path, candidates: list[float]) -> Iterator[Any]:
    """Takes the seconds of one grid search."""
    order = json.dumps({"request": request, "dataset": str(dataset), "candidates": candidates})
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.searching"]
    environment = {**os.environ, **THREADS}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        wanted, said = process.stdin, process.stdout

        def floor() -> float:
            began = time.perf_counter()
            wanted.write(f"{order}\n")
            wanted.flush()
            if said.readline() != "done\n":
                raise RuntimeError("the grid search failed")
            return time.perf_counter() - began

        yield floor
        wanted.close()


def _serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        _searched(order["request"], Path(order["dataset"]), order["candidates"])
        print("done", flush=True)


def _searched(request: dict[str, Any], dataset: Path, candidates: list[float]) -> None:
    from common.learning import preprocessing, registry, sample
    from common.learning.notes import Notes
    from common.learning.split import divide

    selection = importlib.import_module("sklearn.model_selection")
    notes = Notes()
    columns = preprocessing.usable(request["columns"], notes)
    rows = sample.read(dataset, columns, {"name": request["target"], "type": request["target_type"]})
    split = divide(rows.target, request["task"], request["split"], notes)
    algorithm = registry.algorithms()[request["algorithm"]]
    estimator = algorithm.build(request["task"], request["parameters"], 1)
    model = preprocessing.pipeline(columns, estimator, dense=algorithm.dense)
    name, _ = model.steps[-1]
    search = selection.GridSearchCV(
        model,
        {f"{name}__alpha": candidates},
        scoring="balanced_accuracy",
        n_jobs=_TOGETHER,
        refit=False,
        cv=[(split.train, split.test)],
        error_score="raise",
    )
    search.fit(rows.features, rows.target)


if __name__ == "__main__":
    _serve()
