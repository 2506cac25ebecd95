"""Whether more rows would help: an algorithm trained anew on growing shares of each fold's rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common import errors
from common.learning import registry
from common.learning.notes import Notes
from common.ports.task_runner import TaskFiles
from evaluation_service.tasks import folding

_LEAST_SHARE = 0.1


def run(request: Mapping[str, Any], files: TaskFiles) -> dict[str, Any]:
    """A learning curve as `{training: {request, result}, measures, learning_curve, threads, processes}` says.

    `learning_curve.curve` has for each number of rows the mean over the folds and their spread, on the rows held out
    (`test`) and on those learned from (`train`), as scikit-learn's `learning_curve`. The measures of the whole are
    those of all rows: what a cross-validation with the same folds finds. A number of rows that is too small to learn
    from is left out, and noted. Raises `errors.BadData` where none is enough.
    """
    path, asked = files.input("dataset"), request["learning_curve"]
    shares = np.linspace(_LEAST_SHARE, 1, asked["points"]).tolist()
    # The longest first, so that the processes end together.
    parts = [(number, share) for share in reversed(shares) for number in range(asked["folds"])]
    begun = time.perf_counter()
    found: dict[folding.Part, dict[str, Any]] = {}
    files.progress("fits", 0.0, f"0 of {len(parts)}")
    for part, one in folding.each(request, asked, path, parts):
        found[part] = one
        files.progress("fits", len(found) / len(parts), f"{len(found)} of {len(parts)}")
    notes, entries = Notes(), [registry.measures()[name] for name in request["measures"]]
    curve: dict[int, dict[str, Any]] = {}
    for share in shares:
        folds = [found[number, share] for number in range(asked["folds"])]
        rows = round(float(np.mean([fold["train_rows"] for fold in folds])))
        for note in (note for fold in folds for note in fold["notes"]):
            notes.add(f"{rows} rows, {note}")
        failed = next((fold["failed"] for fold in folds if "failed" in fold), None)
        if failed is None:
            curve[rows] = _point(rows, folds, request["measures"])
        elif share == shares[-1]:
            raise errors.BadData(failed)
        else:
            notes.add(f"{rows} rows are too few: {failed}")
    whole, about = curve[max(curve)], found[0, shares[-1]]["about"]
    return {
        "measures": whole["test"],
        "directions": {entry.name: entry.direction for entry in entries},
        **about["averaging"],
        "learning_curve": {**asked, "curve": [curve[rows] for rows in sorted(curve)]},
        "rows": about["rows"],
        "dropped_rows": about["dropped"],
        "usage": {"fold_seconds": round(time.perf_counter() - begun, 6)},
        "notes": list(notes),
    }


def _point(rows: int, folds: Sequence[Mapping[str, Any]], measures: Sequence[str]) -> dict[str, Any]:
    test, train = (
        {name: [fold[part][name] for fold in folds] for name in measures} for part in ("measures", "train_measures")
    )
    return {
        "train_rows": rows,
        "train": {name: folding.mean(values) for name, values in train.items()},
        "test": {name: folding.mean(values) for name, values in test.items()},
        "spread": {
            "train": {name: folding.spread(values) for name, values in train.items()},
            "test": {name: folding.spread(values) for name, values in test.items()},
        },
        "fit_seconds": folding.mean([fold["fit_seconds"] for fold in folds]),
    }
