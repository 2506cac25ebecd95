"""What a fitted pipeline predicts, and the measures of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from common import errors
from common.learning.measures import retrieval
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined
from common.learning.notes import Notes
from common.learning.sample import Sample


def classes(model: Any) -> tuple[Any, ...]:
    """The classes a fitted pipeline tells apart, in its order; empty for a regression."""
    return tuple(model.classes_.tolist()) if hasattr(model, "classes_") else ()


def positive_class(labels: tuple[Any, ...], asked: Any) -> Any:
    """The positive class of two: the one asked for, else the second in sort order. None unless there are two.

    Raises `errors.BadData` if the one asked for does not occur.
    """
    if asked is not None and asked not in labels:
        detail = f"{asked!r} is no value of the target; there are: {', '.join(map(repr, labels[:20]))}"
        flaw = errors.Flaw("/positive_class", "unknown_class", detail, tuple(str(label) for label in labels[:5]))
        raise errors.BadData(detail, flaws=[flaw])
    if len(labels) != 2:
        return None
    return labels[1] if asked is None else labels[labels.index(asked)]


def predict(model: Any, sample: Sample, positive: Any, notes: Notes, about: str) -> Predictions:
    """The predictions of a fitted pipeline for a sample: labels, and scores as far as its estimator has them."""
    with notes.of_warnings(about):
        return _predict(model, sample, positive)


def _predict(model: Any, sample: Sample, positive: Any) -> Predictions:
    labels = classes(model)
    probabilities = decisions = None
    if labels and hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(sample.features)
    elif labels and hasattr(model, "decision_function"):
        decisions = model.decision_function(sample.features)
    predicted = model.predict(sample.features)
    return Predictions(sample.target, predicted, labels, positive, probabilities, decisions)


def measure(
    predictions: Predictions, entries: Iterable[MeasureEntry], notes: Notes, about: str
) -> dict[str, float | None]:
    """Each measure by name; null where it is undefined, which a note says. `about` begins the notes."""
    figures: dict[str, float | None] = {}
    for entry in entries:
        figures[entry.name] = None
        try:
            with notes.of_warnings(f"{about}: {entry.name}"):
                figure = entry.compute(predictions)
        except Undefined as reason:
            notes.add(f"{about}: {entry.name} is undefined: {reason}")
            continue
        if math.isfinite(figure):
            figures[entry.name] = figure
        else:
            notes.add(f"{about}: {entry.name} is not a finite number")
    return figures


def averaging(predictions: Predictions) -> dict[str, Any]:
    """`averaging` of measures without a suffix (`binary`, `macro`) and `positive_class`; null for a regression."""
    method = retrieval.averaging(predictions) if predictions.classes else None
    return {"averaging": method, "positive_class": predictions.positive}


def by_class(predictions: Predictions) -> dict[str, Any]:
    """`confusion_matrix` (rows: truth, columns: predicted) and `per_class`, over all labels that occur or are known."""
    known = list(predictions.classes)
    labels = known + sorted(set(predictions.truth.tolist()) - set(known))
    counts = confusion_matrix(predictions.truth, predictions.predicted, labels=labels)
    figures = precision_recall_fscore_support(
        predictions.truth, predictions.predicted, labels=labels, average=None, zero_division=np.nan
    )
    per_class = [
        {
            "label": label,
            "precision": _figure(p),
            "recall": _figure(r),
            "f1": _figure(f),
            "support": int(support),
        }
        for label, p, r, f, support in zip(labels, *figures, strict=True)
    ]
    return {"confusion_matrix": {"labels": labels, "counts": counts.tolist()}, "per_class": per_class}


def _figure(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
