"""Labels that are told from scores are those that the estimator predicts, also where scores are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from common.learning.labels import labels_of

_ESTIMATORS = [
    RandomForestClassifier(4, random_state=0),
    ExtraTreesClassifier(4, random_state=0),
    HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=2),
    KNeighborsClassifier(4),
    KNeighborsClassifier(4, weights="distance"),
    SVC(),
    LogisticRegression(),
]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", _ESTIMATORS, ids=lambda one: str(one).replace("\n", ""))
def test_scores_tell_what_is_predicted(estimator: Any, classes: int) -> None:
    choose = np.random.default_rng(0)
    rows = choose.integers(0, 3, (80, 3)).astype(float)  # few different ones: many are the same, and so are scores
    names = np.array(["no", "yes", "maybe"], dtype=object)[choose.integers(0, classes, 80)]
    estimator.fit(rows, names)
    ask = "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"
    scores = {"probabilities" if ask == "predict_proba" else "decisions": getattr(estimator, ask)(rows)}
    assert labels_of(estimator, rows, scores).tolist() == estimator.predict(rows).tolist()


def test_a_classifier_is_not_asked_twice() -> None:
    rows, names = np.arange(40.0).reshape(-1, 1), np.repeat(["a", "b"], 20)

    class Once(HistGradientBoostingClassifier):  # type: ignore[misc]
        def predict(self, *given: Any) -> Any:
            raise AssertionError("asked again")

    estimator = Once().fit(rows, names)
    scores = {"probabilities": np.where(rows < 20, [[0.9, 0.1]], [[0.2, 0.8]])}
    assert labels_of(estimator, rows, scores).tolist() == names.tolist()
