"""An algorithm trained anew and measured on folds of its training's rows, in processes side by side."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import errors
from common.learning import fitting, folds, measuring, registry, sample, split, thread_limit
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.notes import Notes

Part = tuple[int, float | None]
"""The number of a fold, and the share of its rows to learn from (None: all, and not measured on these)."""


def each(
    request: Mapping[str, Any], asked: Mapping[str, Any], path: Path, parts: Sequence[Part]
) -> Iterator[tuple[Part, dict[str, Any]]]:
    """The parts of `asked` (`contracts.jobs.CrossValidation`) with what `measured` says of each, as they end.

    Nothing is read or computed here before the processes fork: they inherit no lock.
    """
    processes = min(len(parts), request["processes"])
    if processes == 1:
        for part in parts:
            yield part, measured(request, asked, path, part)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that libraries have threads: none of them is used here
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
            started = {pool.submit(measured, request, asked, path, part): part for part in parts}
            try:
                for done in as_completed(started):
                    yield started[done], done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def measured(request: Mapping[str, Any], asked: Mapping[str, Any], path: Path, part: Part) -> dict[str, Any]:
    """Train on one part, measure on the rows that its fold holds out: `{train_rows, test_rows, measures, …}`.

    With a share `train_measures` are those of the rows learned from. Raises `errors.BadData` for rows that cannot be
    divided or learned from; where less than all are too few for the algorithm, `failed` says why.
    """
    trained, (number, share) = request["training"]["request"], part
    columns = request["training"]["result"]["features"]
    by, notes, about = asked["column"], Notes(), f"fold {number + 1}"
    more = [] if by is None or by in {column["name"] for column in columns} else [{"name": by, "type": "text"}]
    with thread_limit.threads(request["threads"]):
        rows = sample.read(path, [*columns, *more], sample.target_of(trained))
        divided = folds.of(rows.target, None if by is None else rows.features[by], trained["task"], asked)
        learned_from, held_out = divided[number]
        if share is not None:
            learned_from = _some(learned_from, share, rows.target, trained["task"], asked["seed"])
        train, test = rows.rows(learned_from), rows.rows(held_out)
        positive = None
        if trained["task"] == CLASSIFICATION:
            labels = tuple(sorted(pd.unique(rows.target).tolist()))
            positive = measuring.positive_class(labels, trained["positive_class"])
            known = set(pd.unique(train.target).tolist())
            if len(known) < 2 or (positive is not None and positive not in known):
                raise errors.BadData(f"{about} learns from rows of one class only: ask for fewer folds")
        sizes = {"train_rows": len(train), "test_rows": len(test)}
        entries = [registry.measures()[name] for name in request["measures"]]
        try:
            fitted = fitting.fit(trained, columns, train, request["threads"], notes)
            predictions = measuring.predict(fitted.model, trained["task"], test, positive, notes, about)
        except (errors.BadData, ValueError) as error:  # such as more neighbours than rows
            if share is None or share >= 1:
                raise
            return {**sizes, "failed": str(error), "notes": []}
        found = {"measures": measuring.measure(predictions, entries, notes, about)}
        if share is not None:
            own = measuring.predict(
                fitted.model, trained["task"], train, positive, notes, about, prepared=fitted.prepared
            )
            found["train_measures"] = measuring.measure(own, entries, notes, f"{about}, rows learned from")
    return {
        **sizes,
        **found,
        "fit_seconds": round(fitted.seconds, 6),
        "notes": list(notes),
        "about": {"averaging": measuring.averaging(predictions), "rows": len(rows), "dropped": rows.dropped},
    }


def mean(figures: Sequence[float | None]) -> float | None:
    """The mean of a measure over parts; None where it is undefined in one."""
    return None if None in figures or not figures else float(np.mean(figures))  # type: ignore[arg-type]


def spread(figures: Sequence[float | None]) -> float | None:
    """The standard deviation of a measure over parts; None where there is no telling."""
    return None if None in figures or len(figures) < 2 else float(np.std(figures, ddof=1))  # type: ignore[arg-type]


def _some(
    positions: np.ndarray[Any, Any], share: float, target: np.ndarray[Any, Any], task: str, seed: int
) -> np.ndarray[Any, Any]:
    most = max(2, round(share * len(positions)))
    codes = pd.factorize(target[positions], sort=True)[0] if task == CLASSIFICATION else None
    return positions if most >= len(positions) else split.fewer(positions, most, codes, seed)
