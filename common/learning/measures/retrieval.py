"""Precision, recall and their harmonic mean."""

from __future__ import annotations

from functools import partial
from typing import Any

from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined

_DEFINITIONS = {
    "precision": "Share of the rows predicted as a class that belong to it: TP / (TP + FP).",
    "recall": "Share of the rows of a class that are predicted as it: TP / (TP + FN).",
    "f1": "Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).",
}
_AVERAGES = {
    "macro": "Mean over the classes, each counting the same.",
    "micro": "Over all rows together; equal to accuracy when each row has one class.",
    "weighted": "Mean over the classes, each weighted by its rows.",
}
_PLAIN = "Two classes: of the positive class. More: mean over the classes (macro)."
_NONE = {
    "precision": "no row is predicted as class {!r}",
    "recall": "no row is of class {!r}",
    "f1": "no row is of class {!r}, nor predicted as it",
}


def averaging(predictions: Predictions) -> str:
    """What measures without a suffix are: the positive class's (`binary`) or the mean over the classes (`macro`)."""
    return "macro" if predictions.positive is None else "binary"


def _compute(predictions: Predictions, *, which: str, average: str | None) -> float:
    """Undefined (not 0, as scikit-learn has it by default) where a class that counts has none to divide by."""
    import numpy as np

    truth, predicted = predictions.truth, predictions.predicted
    if average == "micro":
        return float((truth == predicted).mean())
    binary = average is None and predictions.positive is not None
    # One label instead of average="binary", which refuses a third class that another dataset may hold.
    labels: Any = [predictions.positive] if binary else np.union1d(truth, predicted)
    # Counted here: scikit-learn's checks of its input take fifty times as long, and an interval needs thousands.
    size = len(predictions.labels)
    hits, rows, calls = (
        np.bincount(positions, minlength=size)[labels] for positions in (truth[truth == predicted], truth, predicted)
    )
    over = {"precision": (hits, calls), "recall": (hits, rows), "f1": (2 * hits, rows + calls)}[which]
    values = np.divide(*over, out=np.full(len(rows), np.nan), where=over[1] > 0)
    weights = rows if average == "weighted" else np.ones(len(values))
    without = np.isnan(values) & (weights > 0)
    if without.any():
        raise Undefined(_NONE[which].format(predictions.labels[labels[int(without.argmax())]]))
    counted = weights > 0
    return float(np.average(values[counted], weights=weights[counted]))


def _entry(which: str, average: str | None) -> MeasureEntry:
    return MeasureEntry(
        name=which if average is None else f"{which}_{average}",
        tasks=(CLASSIFICATION,),
        direction="higher",
        range=(0.0, 1.0),
        definition=f"{_DEFINITIONS[which]} {_PLAIN if average is None else _AVERAGES[average]}",
        compute=partial(_compute, which=which, average=average),
        default=average is None,
    )


ENTRIES = tuple(_entry(which, average) for which in _DEFINITIONS for average in (None, *_AVERAGES))
