"""The labels that a classifier predicts, from its scores where these decide: asking it twice would cost as much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC


def labels_of(estimator: Any, prepared: Any, scores: Mapping[str, Any]) -> Any:
    """What `estimator.predict(prepared)` gives; `scores` are its `probabilities` or `decisions` for the same rows.

    Rows for which two scores are the same are predicted by itself: each estimator has its own way to choose then.
    """
    values = _telling(estimator, scores)
    if values is None:
        return estimator.predict(prepared)
    labels = estimator.classes_.take(np.argmax(values, axis=1), axis=0)
    equal = (values == values.max(axis=1, keepdims=True)).sum(axis=1) > 1
    if equal.any():
        labels[equal] = estimator.predict(prepared[equal])
    return labels


def _telling(estimator: Any, scores: Mapping[str, Any]) -> Any:
    """A score for each class of which the largest is that of the label, or None where that is not known."""
    if isinstance(estimator, ExtraTreesClassifier | RandomForestClassifier | HistGradientBoostingClassifier):
        return scores["probabilities"]
    if isinstance(estimator, KNeighborsClassifier) and estimator.weights == "uniform":
        return scores["probabilities"]
    if isinstance(estimator, SVC) and not estimator.probability and len(estimator.classes_) == 2:
        return np.column_stack([-scores["decisions"], scores["decisions"]])
    return None
