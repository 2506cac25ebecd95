"""A search against scikit-learn's own: the same fits of the same pipeline, two at a time.

`python -m benchmarks.searching` is the floor: for every order it reads, `GridSearchCV(n_jobs=2, refit=False)` fits each
candidate on the rows that the platform learned from and scores it on those that it held out.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.alone import alone, serve
from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import in_turn, spread
from benchmarks.server import server
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
        order = {"request": request, "dataset": str(ours.dataset("digits", Path(name))), "candidates": candidates}
        space = {"algorithm": _DIGITS["algorithm"], "parameters": {**fixed, "alpha": candidates}}
        asked = {"dataset": "digits", "target": "digit", "method": "grid", "algorithms": [space]}
        held = 0.0

        def search() -> float:
            nonlocal held
            seconds, trials = ours.search(session, asked)
            held = _held(trials)
            return seconds

        with alone("benchmarks.searching") as ask:
            taken = in_turn(
                search,
                lambda: ask(order)[0],
                rounds=scale.rounds if count < 32 else 2,
                warmup=1,
            )
    sides = [spread(side, "s") for side in (taken.ours, taken.floor)]
    what = f"grid of {count} fits, {_TOGETHER} at a time, against GridSearchCV(n_jobs={_TOGETHER}, refit=False)"
    # Of the last search: which of the two it is that costs, waiting between trials or what a training does besides.
    busy = [_TOGETHER * taken.ours[-1] / held]
    total = f"{_TOGETHER * taken.ours[-1]:.3g} s"
    return [
        at_most(what, *sides, taken.ratios(), 1.2),
        at_most("grid: time of the slots against what its trials held of it", total, f"{held:.3g} s", busy, 1.1),
    ]


def _held(trials: Sequence[Any]) -> float:
    """The seconds for which trials had slots, together."""
    spans = [times.moment(one["ended"]) - times.moment(one["started"]) for one in trials]
    return sum(span.total_seconds() for span in spans)


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
    serve(lambda order: _searched(order["request"], Path(order["dataset"]), order["candidates"]))
