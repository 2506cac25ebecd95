"""Precision, recall and their harmonic mean."""

from __future__ import annotations

from functools import partial
from typing import Any

from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.measures.entry import MeasureEntry, Predictions

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


def averaging(predictions: Predictions) -> str:
    """What measures without a suffix are: the positive class's (`binary`) or the mean over the classes (`macro`)."""
    return "macro" if predictions.positive is None else "binary"


def _compute(predictions: Predictions, *, which: str, average: str | None) -> float:
    from sklearn import metrics

    function: Any = getattr(metrics, f"{which}_score")
    if average is None and predictions.positive is not None:
        # One label instead of average="binary", which refuses a third class that another dataset may hold.
        labels, chosen = [predictions.positive], "macro"
    else:
        labels, chosen = None, average or "macro"
    return float(function(predictions.truth, predictions.predicted, labels=labels, average=chosen))


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
