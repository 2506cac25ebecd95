"""Measures an algorithm instead of one model: trained anew on each fold, in processes side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from common.learning import registry
from common.learning.notes import Notes
from common.ports.task_runner import TaskFiles
from evaluation_service.tasks import folding


def run(request: Mapping[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Cross-validate as `{training: {request, result}, measures, cross_validation, threads, processes}` says.

    A measure is the mean over the folds, null where it is undefined in one (noted); each fold has its own beside it.
    Raises `errors.BadData` for rows that cannot be divided or learned from.
    """
    path, asked = files.input("dataset"), request["cross_validation"]
    count = asked["folds"]
    begun, found = time.perf_counter(), {}
    files.progress("folds", 0.0, f"0 of {count}")
    for (number, _), one in folding.each(request, asked, path, [(number, None) for number in range(count)]):
        found[number] = one
        files.progress("folds", len(found) / count, f"{len(found)} of {count}")
    parts = [found[number] for number in range(count)]
    notes, entries = Notes(), [registry.measures()[name] for name in request["measures"]]
    for part in parts:
        for note in part.pop("notes"):
            notes.add(note)
    about, *_ = [part.pop("about") for part in parts]
    figures = {entry.name: [part["measures"][entry.name] for part in parts] for entry in entries}
    return {
        "measures": {name: folding.mean(values) for name, values in figures.items()},
        "directions": {entry.name: entry.direction for entry in entries},
        **about["averaging"],
        "cross_validation": {
            **asked,
            "spread": {name: folding.spread(values) for name, values in figures.items()},
            "parts": parts,
        },
        "rows": about["rows"],
        "dropped_rows": about["dropped"],
        "usage": {"fold_seconds": round(time.perf_counter() - begun, 6)},
        "notes": list(notes),
    }
