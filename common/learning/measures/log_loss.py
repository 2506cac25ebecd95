"""Logistic loss, the cross-entropy of the predicted probabilities."""

from __future__ import annotations

from common.learning.measure import Measure, Predictions, Undefined


def log_loss(predictions: Predictions) -> float:
    """Mean of -ln of the probability given to the true class, in nats; probabilities are clipped by scikit-learn."""
    import numpy as np
    from sklearn.metrics import log_loss as sklearn_log_loss

    if predictions.probabilities is None:
        raise Undefined("the model gives no probabilities (for svm set probability to true)")
    known = list(predictions.classes)
    unknown = [str(label) for label in np.unique(predictions.true) if label not in known]
    if unknown:
        raise Undefined(f"the model does not know the classes {', '.join(unknown[:5])}")
    return float(sklearn_log_loss(predictions.true, predictions.probabilities, labels=known))


MEASURES = (
    Measure(
        "log_loss",
        ("classification",),
        "minimize",
        0.0,
        None,
        "Mean of -ln p over rows, where p is the probability given to the true class (nats).",
        log_loss,
        needs="probabilities",
    ),
)
