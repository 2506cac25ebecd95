"""Extremely randomised trees, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.learning.algorithms import random_forest
from common.learning.algorithms.decision_tree import CRITERION, growth
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    return (ExtraTreesClassifier if task == CLASSIFICATION else ExtraTreesRegressor)(**parameters, n_jobs=threads)


_SAMPLING = random_forest.sampling(bootstrap=False)

ENTRY = AlgorithmEntry(
    name="extra_trees",
    title="Extremely randomised trees",
    description="Like a random forest, but thresholds are drawn at random and each tree sees all rows (Geurts et al."
    " 2006). Quicker to grow and smoother, larger to store.",
    parameters={
        CLASSIFICATION: (
            random_forest.TREES,
            CRITERION[CLASSIFICATION],
            *growth("sqrt"),
            *_SAMPLING,
            random_forest.WEIGHT,
            seed(),
        ),
        REGRESSION: (random_forest.TREES, CRITERION[REGRESSION], *growth(1.0), *_SAMPLING, seed()),
    },
    build=_build,
    learned=random_forest.learned_trees,
    check=random_forest.check,
)
