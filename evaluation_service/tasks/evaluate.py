"""Measures a trained pipeline on held-out rows or on another dataset. Runs in a child process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from common import errors
from common.learning import (
    artifact,
    curves,
    inspection,
    intervals,
    measuring,
    packages,
    preload,  # noqa: F401 - what estimators import when they are built is in memory then
    registry,
    sample,
    split,
    thread_limit,
)
from common.learning.algorithms.entry import CLASSIFICATION, UNSUPERVISED
from common.learning.evaluation_request import MOST_PERMUTED
from common.learning.measures.entry import Predictions
from common.learning.notes import Notes
from common.ports.task_runner import TaskFiles
from evaluation_service.tasks import cross_validate, learning_curve


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Evaluate as `{training: {request, result}, measures, dataset, threads}` says.

    Reads inputs `artifact` (sealed, skops) and `dataset` (Parquet): the training's own if `dataset` is null, and then
    only its held-out rows, else another one with the same features and target. Raises `errors.IntegrityError` if model
    or held-out rows are not those of the training, `errors.BadData` for data that cannot be evaluated.
    """
    packages.allow(request.get("packages", ()))
    if request.get("cross_validation"):
        return cross_validate.run(request, files)
    if request.get("learning_curve"):
        return learning_curve.run(request, files)
    training, notes = request["training"], Notes()
    task = training["request"]["task"]
    with thread_limit.threads(request["threads"]):
        files.progress("read", 0.0)
        model = artifact.load(files.read("artifact"), training["result"]["artifact"]["digest"])
        rows, source = _rows(request, files, notes)
        files.progress("predict", 0.3)
        positive = measuring.positive_class(measuring.classes(model), training["request"]["positive_class"])
        begun = time.perf_counter()
        predictions = measuring.predict(model, task, rows, positive, notes, "these rows")
        seconds = time.perf_counter() - begun
        files.progress("measure", 0.7)
        entries = [registry.measures()[name] for name in request["measures"]]
        measures = measuring.measure(predictions, entries, notes, "these rows")
        details = _details(task, predictions)
        if asked := request.get("confidence"):
            details["confidence"] = intervals.of(predictions, entries, asked, notes, files.progress)
        details |= _looks(request, model, rows, positive, notes, files)
        files.progress("measure", 1.0)
    return {
        "measures": measures,
        "directions": {entry.name: entry.direction for entry in entries},
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
    path, target = files.input("dataset"), sample.target_of(trained)
    if request["dataset"] is None:
        return _held_out(sample.read(path, result["features"], target), trained, result)
    dataset = request["dataset"]
    rows, lost = sample.read_other(path, result["features"], target)
    for name, count in lost.items():
        notes.add(f"{count} values of column {name!r} do not fit the training's type and are taken as missing")
    return rows, {"dataset": {name: dataset[name] for name in ("id", "name", "version", "digest")}}


def _details(task: str, predictions: Predictions) -> dict[str, Any]:
    """What goes with the measures of a task."""
    if task == CLASSIFICATION:
        return {**measuring.by_class(predictions), **curves.of(predictions)}
    return measuring.by_group(predictions) if task in UNSUPERVISED else curves.residuals(predictions)


def _looks(
    request: Mapping[str, Any], model: Any, rows: sample.Sample, positive: Any, notes: Notes, files: TaskFiles
) -> dict[str, Any]:
    """What was asked for of the columns: how much each matters, and what the model makes of its values."""
    task, found = request["training"]["request"]["task"], {}
    types = {column["name"]: column["type"] for column in request["training"]["result"]["features"]}
    if asked := request.get("permutation_importance"):
        found["permutation_importance"] = inspection.importance(
            model, task, rows, positive, asked, notes, files.progress
        )
        if len(asked["columns"]) == MOST_PERMUTED < len(types):
            notes.add(f"{len(types) - MOST_PERMUTED} columns were not permuted: name those of interest in `columns`")
    if asked := request.get("partial_dependence"):
        columns = asked["columns"]
        if not columns:
            able = [name for name, kind in types.items() if kind != "text"][:MOST_PERMUTED]
            known = (found.get("permutation_importance") or {}).get("columns") or inspection.looked_at(
                model, task, rows, positive, able, files.progress
            )
            columns = [column["name"] for column in known if column["name"] in able][: inspection.MOST_DRAWN]
        asked = {**asked, "columns": columns}
        found["partial_dependence"] = inspection.dependence(
            model, task, rows, types, positive, asked, notes, files.progress
        )
    return found


def _held_out(
    rows: sample.Sample, trained: Mapping[str, Any], result: Mapping[str, Any]
) -> tuple[sample.Sample, dict[str, Any]]:
    division = split.of(rows, trained, Notes())  # the training has the notes already
    digest, expected = division.digest(trained["dataset"]["digest"]), result["split"]["digest"]
    if digest != expected:
        raise errors.IntegrityError(f"the held-out rows are not those of the training: {digest} instead of {expected}")
    measured, positions = ("train", division.train) if trained["task"] in UNSUPERVISED else ("test", division.test)
    return rows.rows(positions), {"split": {"digest": digest, f"{measured}_rows": len(positions)}}
