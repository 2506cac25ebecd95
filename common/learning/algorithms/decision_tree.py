"""Decision tree (CART), fitted by scikit-learn's `DecisionTreeClassifier` and `DecisionTreeRegressor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithm import Algorithm, Task
from common.learning.learned import importances
from common.learning.parameter import Number, Parameter
from common.learning.tree_parameters import CLASSIFICATION, REGRESSION, TRUSTED, max_features

CCP_ALPHA = Parameter(
    "ccp_alpha",
    0.0,
    (Number(minimum=0, maximum=1e12),),
    "Minimal cost-complexity pruning: subtrees that gain less than this are cut.",
)


def build(task: Task, parameters: Mapping[str, Any], threads: int) -> Any:
    """An unfitted estimator for the task."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    return (DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor)(**parameters)


def learned(estimator: Any, feature_names: Sequence[str]) -> dict[str, Any]:
    """Depth, leaves, and the importances of the features."""
    return {
        "depth": int(estimator.get_depth()),
        "leaves": int(estimator.get_n_leaves()),
        "importances": importances(estimator.feature_importances_, feature_names),
    }


ALGORITHM = Algorithm(
    name="decision_tree",
    title="Decision tree",
    description="One tree of if-then rules. Easy to read; overfits unless its depth or leaves are bounded.",
    parameters={
        "classification": (*CLASSIFICATION, max_features(None), CCP_ALPHA),
        "regression": (*REGRESSION, max_features(None), CCP_ALPHA),
    },
    build=build,
    learned=learned,
    trusted=TRUSTED,
)
