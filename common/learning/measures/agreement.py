"""Agreement of labels beyond chance: Matthews' correlation and Cohen's kappa."""

from __future__ import annotations

from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined


def _matthews(predictions: Predictions) -> float:
    from sklearn.metrics import matthews_corrcoef

    for name, values in (("of", predictions.truth), ("predicted as", predictions.predicted)):
        if (values == values[0]).all():
            raise Undefined(
                f"all rows are {name} class {predictions.labels[values[0]]!r}, which correlates with nothing"
            )
    return float(matthews_corrcoef(predictions.truth, predictions.predicted))


def _kappa(predictions: Predictions) -> float:
    from sklearn.metrics import cohen_kappa_score

    truth, predicted = predictions.truth, predictions.predicted
    if (truth == truth[0]).all() and (predicted == truth[0]).all():
        raise Undefined(f"all rows are of class {predictions.labels[truth[0]]!r} and predicted as it: so would chance")
    return float(cohen_kappa_score(truth, predicted))


ENTRIES = (
    MeasureEntry(
        "matthews_corrcoef",
        (CLASSIFICATION,),
        "higher",
        (-1.0, 1.0),
        "Correlation of truth and prediction (Matthews 1975; Gorodkin 2004 for more than two classes); 0 is chance.",
        _matthews,
        default=False,
    ),
    MeasureEntry(
        "cohen_kappa",
        (CLASSIFICATION,),
        "higher",
        (-1.0, 1.0),
        "Agreement beyond that of labels drawn by the same shares (Cohen 1960): (observed - chance) / (1 - chance).",
        _kappa,
        default=False,
    ),
)
