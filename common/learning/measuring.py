"""What a fitted pipeline predicts, and the measures of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from common import errors
from common.learning.algorithms.entry import CLASSIFICATION, CLUSTERING, UNSUPERVISED
from common.learning.labels import labels_of
from common.learning.measures import retrieval
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined
from common.learning.notes import Notes
from common.learning.preprocessing import ESTIMATE, PREPARE
from common.learning.sample import Sample

MOST_GROUPS = 100
MOST_LEARNED = 100_000
"""Rows learned from that are measured where others are held out: predicting a million takes a fifth of the fit."""


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


def drawn(rows: int, seed: int, notes: Notes) -> np.ndarray[Any, Any]:
    """Positions of `MOST_LEARNED` of so many rows, ascending, the same for the same seed; a note says that."""
    notes.add(f"train: measured with {MOST_LEARNED:,} of the {rows:,} rows learned from, drawn at random")
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_LEARNED, replace=False, shuffle=False))


def predict(
    model: Any, task: str, sample: Sample, positive: Any, notes: Notes, about: str, *, prepared: Any = None
) -> Predictions:
    """The predictions of a fitted pipeline for a sample: labels, and scores as far as its estimator has them.

    `prepared` are the sample's features as the estimator takes them, if they are at hand.
    """
    estimator = model.named_steps[ESTIMATE]
    with notes.of_warnings(about):
        if prepared is None:
            prepared = model.named_steps[PREPARE].transform(sample.features)  # once for labels and scores
        if task in UNSUPERVISED:
            # One that cannot predict has labelled the rows it was given.
            groups = estimator.predict(prepared) if hasattr(estimator, "predict") else estimator.labels_
            if len(groups) != len(sample):
                raise errors.BadData("this model says nothing of rows that it has not learned from")
            return Predictions(None, groups, inputs=prepared, noise=task == CLUSTERING)
        if task != CLASSIFICATION:
            return Predictions(sample.target, estimator.predict(prepared))
        scores: dict[str, Any] = {}
        if hasattr(estimator, "predict_proba"):
            scores["probabilities"] = estimator.predict_proba(prepared)
        elif hasattr(estimator, "decision_function"):
            scores["decisions"] = estimator.decision_function(prepared)
        predicted = labels_of(estimator, prepared, scores)
    return encode(sample.target, predicted, classes(model), positive, **scores)


def encode(
    truth: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any], known: tuple[Any, ...], positive: Any, **scores: Any
) -> Predictions:
    """Predictions of a classification from labels; `positive` is a label of `known`, or None.

    A label predicted that is neither known nor occurs (of outliers, say) is at -1: wrong, whatever the truth is.
    """
    seen = truth.tolist()
    labels = (*known, *sorted(set(seen).difference(known)))
    positions = {label: position for position, label in enumerate(labels)}
    return Predictions(
        np.array([positions[label] for label in seen], dtype=np.intp),
        np.array([positions.get(label, -1) for label in predicted.tolist()], dtype=np.intp),
        labels,
        len(known),
        None if positive is None else known.index(positive),
        **scores,
    )


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


def digest(predictions: Predictions) -> str:
    """Names what was predicted: sha256 over the labels, groups or numbers, and over the probabilities if there are any.

    Two trainings with the same digest predict the same, to the last bit.
    """
    seen = hashlib.sha256(repr(predictions.labels).encode())
    for values in (predictions.predicted, predictions.probabilities):
        if values is not None:
            seen.update(np.ascontiguousarray(values).tobytes())
    return f"sha256:{seen.hexdigest()}"


def averaging(predictions: Predictions) -> dict[str, Any]:
    """`averaging` of measures without a suffix (`binary`, `macro`) and `positive_class`; null for a regression."""
    positive = None if predictions.positive is None else predictions.labels[predictions.positive]
    method = retrieval.averaging(predictions) if predictions.labels else None
    return {"averaging": method, "positive_class": positive}


def by_class(predictions: Predictions) -> dict[str, Any]:
    """`confusion_matrix` (rows: truth, columns: predicted) and `per_class`, over all labels that occur or are known."""
    labels, positions = list(predictions.labels), list(range(len(predictions.labels)))
    counts = confusion_matrix(predictions.truth, predictions.predicted, labels=positions)
    figures = precision_recall_fscore_support(
        predictions.truth, predictions.predicted, labels=positions, average=None, zero_division=np.nan
    )
    per_class = [
        {"label": label, "precision": _figure(p), "recall": _figure(r), "f1": _figure(f), "support": int(support)}
        for label, p, r, f, support in zip(labels, *figures, strict=True)
    ]
    return {"confusion_matrix": {"labels": labels, "counts": counts.tolist()}, "per_class": per_class}


def by_group(predictions: Predictions) -> dict[str, Any]:
    """`groups`: how many rows are in each cluster (-1: noise, or anomalies), the largest first."""
    labels, counts = np.unique(predictions.predicted, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_GROUPS]
    return {"groups": [{"label": int(labels[at]), "rows": int(counts[at])} for at in order]}


def _figure(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
