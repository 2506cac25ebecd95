"""Fits one pipeline: dataset -> split -> fit -> measures -> artifact. Runs in a child process."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import skops

from common import errors
from common.learning import (
    artifact,
    fitting,
    measuring,
    packages,
    preload,  # noqa: F401 - what estimators import when they are built is in memory then
    preprocessing,
    registry,
    sample,
    split,
    thread_limit,
)
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.identifiers import note_identifiers
from common.learning.notes import Notes
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Train as a completed request (`learning.request.complete_training`, and `threads`) says.

    Reads input `dataset` (Parquet), writes output `artifact` (skops), returns the training's result. Raises
    `errors.BadData` for what the data or the request would have to change.
    """
    notes = Notes()
    packages.allow(request.get("packages", ()))
    with thread_limit.threads(request["threads"]):
        files.progress("read", 0.0)
        columns = preprocessing.usable(request["columns"], notes, request)
        rows = sample.read(files.input("dataset"), columns, sample.target_of(request))
        note_identifiers(rows, columns, notes)
        files.progress("split", 0.1)
        division = split.of(rows, request, notes)
        train, test = rows.rows(division.train), rows.rows(division.test)
        labels = _classes(request["task"], train)
        positive = measuring.positive_class(labels, request["positive_class"])
        files.progress("fit", 0.2)
        fitted = fitting.fit(request, columns, train, request["threads"], notes)
        model, predictions = fitted.model, {}
        files.progress("measure", 0.7)
        seen, prepared = train, fitted.prepared
        if len(test) and len(train) > measuring.MOST_LEARNED:
            drawn = measuring.drawn(len(train), request["split"]["seed"], notes)
            seen, prepared = train.rows(drawn), None if prepared is None else prepared[drawn]
        predictions["train"] = measuring.predict(
            model, request["task"], seen, positive, notes, "train", prepared=prepared
        )
        fitted.prepared = prepared = None  # memory for the rows held out
        if len(test):
            predictions["test"] = measuring.predict(model, request["task"], test, positive, notes, "test")
        entries = [registry.measures()[name] for name in request["measures"]]
        measures = {part: measuring.measure(found, entries, notes, part) for part, found in predictions.items()}
        files.progress("save", 0.9)
        data = artifact.dump(model)
        with files.write("artifact") as target:
            target.write(data)
        files.progress("save", 1.0)
    algorithm = registry.trained(request["algorithm"])
    estimator = model.named_steps[preprocessing.ESTIMATE]
    return {
        "measures": measures,
        "directions": {entry.name: entry.direction for entry in entries},
        **measuring.averaging(predictions.get("test", predictions["train"])),
        "learned": algorithm.learned(estimator, preprocessing.input_names(model)),
        "features": columns,
        "preprocessing": preprocessing.described(columns, request),
        "classes": list(labels) or None,
        "split": _described(division, request, rows.dropped),
        "artifact": artifact.describe(data),
        "usage": {"fit_seconds": round(fitted.seconds, 6)},
        "versions": _versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "predictions": measuring.digest(predictions.get("test", predictions["train"])),
        "notes": list(notes),
    }


def _classes(task: str, train: sample.Sample) -> tuple[Any, ...]:
    """The classes of the rows to learn from, sorted; none for other tasks than classification."""
    if task != CLASSIFICATION:
        return ()
    labels = tuple(sorted(pd.unique(train.target).tolist()))
    if len(labels) < 2:
        raise errors.BadData("the rows to learn from are all of one class: change split.seed or split.test_share")
    return labels


def _described(division: split.Split, request: Mapping[str, Any], dropped: int) -> dict[str, Any]:
    return {
        "digest": division.digest(request["dataset"]["digest"]),
        "train_rows": len(division.train),
        "test_rows": len(division.test),
        "dropped_rows": dropped,
        "stratified": division.stratified,
    }


def _versions() -> dict[str, str]:
    packages = {"scikit-learn": sklearn, "numpy": np, "pandas": pd, "skops": skops}
    return {"python": platform.python_version(), **{name: module.__version__ for name, module in packages.items()}}
