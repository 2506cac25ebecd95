"""Measures an algorithm instead of one model: trained anew on each fold, in processes side by side."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import errors
from common.learning import fitting, folds, measuring, registry, sample, thread_limit
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.notes import Notes
from common.ports.task_runner import TaskFiles


def run(request: Mapping[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Cross-validate as `{training: {request, result}, measures, cross_validation, threads, processes}` says.

    A measure is the mean over the folds, null where it is undefined in one (noted); each fold has its own beside it.
    Raises `errors.BadData` for rows that cannot be divided or learned from.
    """
    path, count = files.input("dataset"), request["cross_validation"]["folds"]
    begun, found = time.perf_counter(), {}
    files.progress("folds", 0.0, f"0 of {count}")
    for number, one in _each(request, path, count):
        found[number] = one
        files.progress("folds", len(found) / count, f"{len(found)} of {count}")
    parts = [found[number] for number in range(count)]
    notes, entries = Notes(), [registry.measures()[name] for name in request["measures"]]
    for part in parts:
        for note in part.pop("notes"):
            notes.add(note)
    measures, spread = {}, {}
    for entry in entries:
        figures = [part["measures"][entry.name] for part in parts]
        defined = None not in figures
        measures[entry.name] = float(np.mean(figures)) if defined else None
        spread[entry.name] = float(np.std(figures, ddof=1)) if defined else None
    about = parts[0].pop("about")
    for part in parts[1:]:
        part.pop("about")
    return {
        "measures": measures,
        "directions": {entry.name: entry.direction for entry in entries},
        **about["averaging"],
        "cross_validation": {**request["cross_validation"], "spread": spread, "parts": parts},
        "rows": about["rows"],
        "dropped_rows": about["dropped"],
        "usage": {"fold_seconds": round(time.perf_counter() - begun, 6)},
        "notes": list(notes),
    }


def _each(request: Mapping[str, Any], path: Path, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The folds as they end. Nothing is read or computed here before the processes fork: they inherit no lock."""
    processes = min(count, request["processes"])
    if processes == 1:
        for number in range(count):
            yield number, _fold(request, path, number)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that libraries have threads: none of them is used here
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
            asked = {pool.submit(_fold, request, path, number): number for number in range(count)}
            try:
                for done in as_completed(asked):
                    yield asked[done], done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _fold(request: Mapping[str, Any], path: Path, number: int) -> dict[str, Any]:
    trained, asked = request["training"]["request"], request["cross_validation"]
    columns = request["training"]["result"]["features"]
    by, notes, about = asked["column"], Notes(), f"fold {number + 1}"
    more = [] if by is None or by in {column["name"] for column in columns} else [{"name": by, "type": "text"}]
    with thread_limit.threads(request["threads"]):
        rows = sample.read(path, [*columns, *more], sample.target_of(trained))
        divided = folds.of(rows.target, None if by is None else rows.features[by], trained["task"], asked)
        train, test = (rows.rows(positions) for positions in divided[number])
        positive = None
        if trained["task"] == CLASSIFICATION:
            labels = tuple(sorted(pd.unique(rows.target).tolist()))
            positive = measuring.positive_class(labels, trained["positive_class"])
            known = set(pd.unique(train.target).tolist())
            if len(known) < 2 or (positive is not None and positive not in known):
                raise errors.BadData(f"{about} learns from rows of one class only: ask for fewer folds")
        model, seconds = fitting.fit(trained, columns, train, request["threads"], notes)
        predictions = measuring.predict(model, trained["task"], test, positive, notes, about)
        entries = [registry.measures()[name] for name in request["measures"]]
        measures = measuring.measure(predictions, entries, notes, about)
    return {
        "train_rows": len(train),
        "test_rows": len(test),
        "measures": measures,
        "fit_seconds": round(seconds, 6),
        "notes": list(notes),
        "about": {"averaging": measuring.averaging(predictions), "rows": len(rows), "dropped": rows.dropped},
    }
