"""Random forest (Breiman 2001), fitted by scikit-learn's `RandomForestClassifier` and `RandomForestRegressor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithm import Algorithm, Task
from common.learning.learned import importances
from common.learning.parameter import Boolean, Integer, Parameter
from common.learning.tree_parameters import CLASSIFICATION, REGRESSION, TRUSTED, max_features

N_ESTIMATORS = Parameter("n_estimators", 100, (Integer(minimum=1, maximum=10_000),), "Number of trees.")
BOOTSTRAP = Parameter(
    "bootstrap", True, (Boolean(),), "Whether each tree sees a sample drawn with replacement, or all rows."
)


def build(task: Task, parameters: Mapping[str, Any], threads: int) -> Any:
    """An unfitted estimator for the task that fits its trees on `threads` threads."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    chosen = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return chosen(n_jobs=threads, **parameters)


def learned(estimator: Any, feature_names: Sequence[str]) -> dict[str, Any]:
    """Number of trees, their depths and leaves, and the importances of the features."""
    depths = [int(tree.get_depth()) for tree in estimator.estimators_]
    return {
        "trees": len(depths),
        "depth": {"min": min(depths), "mean": sum(depths) / len(depths), "max": max(depths)},
        "leaves": sum(int(tree.get_n_leaves()) for tree in estimator.estimators_),
        "importances": importances(estimator.feature_importances_, feature_names),
    }


ALGORITHM = Algorithm(
    name="random_forest",
    title="Random forest",
    description="Many decision trees on random samples of rows and features, averaged. Strong without tuning; large to store.",
    parameters={
        "classification": (N_ESTIMATORS, *CLASSIFICATION, max_features("sqrt"), BOOTSTRAP),
        "regression": (N_ESTIMATORS, *REGRESSION, max_features(1.0), BOOTSTRAP),
    },
    build=build,
    learned=learned,
    trusted=TRUSTED,
)
