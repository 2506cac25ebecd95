"""Area under the ROC curve."""

from __future__ import annotations

from common.learning.measure import Measure, Predictions, Undefined


def roc_auc(predictions: Predictions) -> float:
    """Two classes: of the positive one. More: each class against the rest, unweighted mean (Provost & Domingos 2000)."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    if predictions.scores is None:
        raise Undefined("the model gives neither probabilities nor scores")
    present, known = set(np.unique(predictions.true)), list(predictions.classes)
    unknown = [str(label) for label in present if label not in known]
    if unknown:
        raise Undefined(f"the model does not know the classes {', '.join(sorted(unknown)[:5])}")
    absent = [str(label) for label in known if label not in present]
    if absent:
        raise Undefined(f"no row has the classes {', '.join(absent[:5])}")
    if len(known) == 2:
        column = known.index(predictions.positive_class)
        return float(roc_auc_score(predictions.true == predictions.positive_class, predictions.scores[:, column]))
    return float(
        np.mean([roc_auc_score(predictions.true == label, predictions.scores[:, i]) for i, label in enumerate(known)])
    )


MEASURES = (
    Measure(
        "roc_auc",
        ("classification",),
        "maximize",
        0.0,
        1.0,
        "Area under the ROC curve: chance that a row of the class ranks above a row outside it; for more than two classes "
        "each against the rest, unweighted mean. Chance is 0.5.",
        roc_auc,
        needs="scores",
    ),
)
