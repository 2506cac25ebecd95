"""Measures of scores instead of labels: areas under curves, and losses of probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined


def _roc_auc(predictions: Predictions) -> float:
    """The positive class's area; with more classes the mean of each against the rest (Fawcett 2006, macro).

    Ranks need no probabilities, so a decision function serves as well. The area is the Mann-Whitney statistic over the
    number of pairs (Hanley and McNeil 1982, ties counting half): one sorting, where drawing the curve takes ten times
    as long for small data.
    """
    from scipy.stats import rankdata

    areas = []
    for belongs, scores in _each_class(predictions):
        count = int(belongs.sum())
        above = float(rankdata(scores)[belongs].sum()) - count * (count + 1) / 2
        areas.append(above / (count * (len(belongs) - count)))
    return sum(areas) / len(areas)


def _average_precision(predictions: Predictions) -> float:
    from sklearn.metrics import average_precision_score

    areas = [float(average_precision_score(belongs, scores)) for belongs, scores in _each_class(predictions)]
    return sum(areas) / len(areas)


def _each_class(predictions: Predictions) -> Iterator[tuple[Any, Any]]:
    """Of each class that is ranked: which rows are of it, and their scores."""
    for position, scores in predictions.scores().items():
        belongs, label = predictions.truth == position, predictions.labels[position]
        if belongs.all():
            raise Undefined(f"all rows are of class {label!r}")
        if not belongs.any():
            raise Undefined(f"no row is of class {label!r}")
        yield belongs, scores


def _log_loss(predictions: Predictions) -> float:
    """As `sklearn.metrics.log_loss`, to the last bit; that looks at everything first, a tenth of a small training."""
    import numpy as np
    from scipy.special import xlogy

    _need_probabilities(predictions)
    given = predictions.probabilities[np.arange(len(predictions.truth)), predictions.truth]
    least = np.finfo(given.dtype).eps
    return float(-xlogy(1.0, np.clip(given, least, 1 - least)).mean())


def _brier(predictions: Predictions) -> float:
    import numpy as np

    _need_probabilities(predictions)
    given = predictions.probabilities
    if predictions.positive is not None:
        belongs = predictions.truth == predictions.positive
        return float(np.mean((given[:, predictions.positive] - belongs) ** 2))
    wanted = np.eye(predictions.known)[predictions.truth]
    return float(np.mean(np.sum((given - wanted) ** 2, axis=1)))


def _need_probabilities(predictions: Predictions) -> None:
    known, labels = predictions.known, predictions.labels
    if predictions.probabilities is None:
        raise Undefined("the algorithm gives no probabilities")
    if known < len(labels) and (predictions.truth >= known).any():
        raise Undefined(f"the model does not know the class {labels[known]!r}")


ENTRIES = (
    MeasureEntry(
        "roc_auc",
        (CLASSIFICATION,),
        "higher",
        (0.0, 1.0),
        "Chance that a row of the class is scored above one of another class. Two classes: of the positive class."
        " More: mean over the classes, each against the rest.",
        _roc_auc,
    ),
    MeasureEntry(
        "log_loss",
        (CLASSIFICATION,),
        "lower",
        (0.0, None),
        "Mean negative logarithm of the probability given to the true class; needs an algorithm with probabilities.",
        _log_loss,
    ),
    MeasureEntry(
        "average_precision",
        (CLASSIFICATION,),
        "higher",
        (0.0, 1.0),
        "Area under the precision-recall curve as a sum of steps: mean precision at each row found. Two classes: of the"
        " positive class. More: mean over the classes, each against the rest.",
        _average_precision,
        default=False,
    ),
    MeasureEntry(
        "brier",
        (CLASSIFICATION,),
        "lower",
        (0.0, 2.0),
        "Mean squared distance of probabilities and truth (Brier 1950). Two classes: of the positive class's"
        " probability, at most 1. More: added up over the classes.",
        _brier,
        default=False,
    ),
)
