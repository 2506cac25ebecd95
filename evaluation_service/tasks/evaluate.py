"""Measures a trained pipeline on held-out rows or on another dataset. Runs in a child process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from threadpoolctl import threadpool_limits

from common import errors
from common.learning import (
    artifact,
    curves,
    measuring,
    preload,  # noqa: F401 - what estimators import when they are built is in memory then
    registry,
    sample,
)
from common.learning.notes import Notes
from common.learning.split import divide
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Evaluate as `{training: {request, result}, measures, dataset, threads}` says.

    Reads inputs `artifact` (sealed, skops) and `dataset` (Parquet): the training's own if `dataset` is null, and then
    only its held-out rows, else another one with the same features and target. Raises `errors.IntegrityError` if model
    or held-out rows are not those of the training, `errors.BadData` for data that cannot be evaluated.
    """
    training, notes = request["training"], Notes()
    with threadpool_limits(limits=request["threads"]):
        files.progress("read", 0.0)
        model = artifact.load(files.read("artifact"), training["result"]["artifact"]["digest"])
        rows, source = _rows(request, files, notes)
        files.progress("predict", 0.3)
        positive = measuring.positive_class(measuring.classes(model), training["request"]["positive_class"])
        begun = time.perf_counter()
        predictions = measuring.predict(model, rows, positive, notes, "rows")
        seconds = time.perf_counter() - begun
        files.progress("measure", 0.7)
        entries = [registry.measures()[name] for name in request["measures"]]
        measures = measuring.measure(predictions, entries, notes, "rows")
        details = {**measuring.by_class(predictions), **curves.of(predictions)} if predictions.labels else {}
        files.progress("measure", 1.0)
    return {
        "measures": measures,
        **measuring.averaging(predictions),
        **details,
        "rows": len(rows),
        "dropped_rows": rows.dropped,
        **source,
        "usage": {"predict_seconds": round(seconds, 6)},
        "notes": list(notes),
    }


def _rows(request: Mapping[str, Any], files: TaskFiles, notes: Notes) -> tuple[sample.Sample, dict[str, Any]]:
    trained, result = request["training"]["request"], request["training"]["result"]
    target = {"name": trained["target"], "type": trained["target_type"]}
    path = files.input("dataset")
    if request["dataset"] is None:
        return _held_out(sample.read(path, result["features"], target), trained, result)
    dataset = request["dataset"]
    rows, lost = sample.read_other(path, result["features"], target)
    for name, count in lost.items():
        notes.add(f"{count} values of column {name!r} do not fit the training's type and are taken as missing")
    return rows, {"dataset": {name: dataset[name] for name in ("id", "name", "version", "digest")}}


def _held_out(
    rows: sample.Sample, trained: Mapping[str, Any], result: Mapping[str, Any]
) -> tuple[sample.Sample, dict[str, Any]]:
    split = divide(rows.target, trained["task"], trained["split"], Notes())  # the training has the notes already
    digest, expected = split.digest(trained["dataset"]["digest"]), result["split"]["digest"]
    if digest != expected:
        raise errors.IntegrityError(f"the held-out rows are not those of the training: {digest} instead of {expected}")
    return rows.rows(split.test), {"split": {"digest": digest, "test_rows": len(split.test)}}
