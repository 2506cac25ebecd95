"""Measures of scores instead of labels: area under the ROC curve, and logarithmic loss."""

from __future__ import annotations

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
    for position, scores in predictions.scores().items():
        belongs, label = predictions.truth == position, predictions.labels[position]
        if belongs.all():
            raise Undefined(f"all rows are of class {label!r}")
        if not belongs.any():
            raise Undefined(f"no row is of class {label!r}")
        count = int(belongs.sum())
        above = float(rankdata(scores)[belongs].sum()) - count * (count + 1) / 2
        areas.append(above / (count * (len(belongs) - count)))
    return sum(areas) / len(areas)


def _log_loss(predictions: Predictions) -> float:
    from sklearn.metrics import log_loss

    known, labels = predictions.known, predictions.labels
    if predictions.probabilities is None:
        raise Undefined("the algorithm gives no probabilities")
    if known < len(labels):
        raise Undefined(f"the model does not know the class {labels[known]!r}")
    return float(log_loss(predictions.truth, predictions.probabilities, labels=list(range(known))))


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
)
