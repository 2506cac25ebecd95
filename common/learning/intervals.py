"""Confidence intervals of measures: the percentile bootstrap over rows (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from common.learning.measures.entry import MeasureEntry, Predictions, Undefined
from common.learning.notes import Notes

MOST_UNDEFINED = 0.05
"""Share of resamples that may leave a measure undefined; with more the rest would not stand for all."""
_STEPS = 100


def of(
    predictions: Predictions,
    entries: Sequence[MeasureEntry],
    asked: Mapping[str, Any],
    notes: Notes,
    tell: Callable[[str, float, str], None],
) -> dict[str, Any]:
    """`{level, resamples, intervals}`: by measure `[low, high]`, or null where it is undefined too often (noted).

    `asked` is `contracts.jobs.Confidence`. Rows are drawn with replacement, as many as there are; the model stays as
    it is, so the intervals say how sure the figure of this model is, not how another training would come out.
    """
    random = np.random.default_rng(asked["seed"])
    found: dict[str, list[float]] = {entry.name: [] for entry in entries}
    for turn in range(asked["resamples"]):
        if turn % max(1, asked["resamples"] // _STEPS) == 0:
            tell("confidence", turn / asked["resamples"], f"resample {turn} of {asked['resamples']}")
        drawn = predictions.rows(random.integers(0, len(predictions), len(predictions)))
        with Notes().of_warnings("resample"):  # of chance, not of the model
            for entry in entries:
                figure = _figure(entry, drawn)
                if figure is not None:
                    found[entry.name].append(figure)
    tail = (1 - asked["level"]) / 2
    intervals: dict[str, list[float] | None] = {}
    for name, figures in found.items():
        without = 1 - len(figures) / asked["resamples"]
        if without > MOST_UNDEFINED:
            intervals[name] = None
            notes.add(f"{name} has no interval: it is undefined in {without:.0%} of the resamples")
        else:
            intervals[name] = [float(bound) for bound in np.quantile(figures, [tail, 1 - tail])]
    return {"level": asked["level"], "resamples": asked["resamples"], "intervals": intervals}


def _figure(entry: MeasureEntry, predictions: Predictions) -> float | None:
    try:
        figure = entry.compute(predictions)
    except Undefined:
        return None
    return figure if np.isfinite(figure) else None
