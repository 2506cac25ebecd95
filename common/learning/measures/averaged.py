"""Precision, recall and F1, each for the positive class of two or averaged over classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from common.learning.measure import Measure, Predictions

_WHAT = {
    "precision": "share of true among predicted members of the class, TP / (TP + FP)",
    "recall": "share of found among the true members of the class, TP / (TP + FN)",
    "f1": "harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)",
}
_HOW = {
    "": "of the positive class when there are two classes, else the unweighted mean over classes (macro)",
    "_macro": "unweighted mean over classes",
    "_micro": "from the counts summed over classes (equals accuracy when each row has one class)",
    "_weighted": "mean over classes weighted by their number of true rows",
}


def averaging(predictions: Predictions) -> Literal["binary", "macro"]:
    """What precision, recall and f1 without suffix mean for these predictions."""
    return "macro" if predictions.positive_class is None else "binary"


def _compute(name: str, suffix: str) -> Callable[[Predictions], float]:
    def compute(predictions: Predictions) -> float:
        import numpy as np
        from sklearn.metrics import precision_recall_fscore_support

        average = suffix[1:] or averaging(predictions)
        true, predicted = predictions.true, predictions.predicted
        if average == "binary":  # asked as one class against the rest, so that labels unknown to the model are no error
            true, predicted = (np.asarray(labels == predictions.positive_class) for labels in (true, predicted))
            figures = precision_recall_fscore_support(
                true, predicted, average="binary", pos_label=True, zero_division=0
            )
        else:
            figures = precision_recall_fscore_support(true, predicted, average=average, zero_division=0)
        return float(figures[("precision", "recall", "f1").index(name)])

    return compute


MEASURES = tuple(
    Measure(
        name=f"{name}{suffix}",
        tasks=("classification",),
        direction="maximize",
        minimum=0.0,
        maximum=1.0,
        definition=f"{what.capitalize()}: {how}. 0 where nothing is to be divided.",
        compute=_compute(name, suffix),
        default=not suffix,
    )
    for suffix, how in _HOW.items()
    for name, what in _WHAT.items()
)
