"""Decision tree, for classification and regression; the growth parameters are the random forest's too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, Integer, Nothing, Number, Option, seed

CRITERION = {
    CLASSIFICATION: Hyperparameter(
        "criterion", (Option(("gini", "entropy", "log_loss")),), "gini", "Impurity that a split reduces."
    ),
    REGRESSION: Hyperparameter(
        "criterion",
        (Option(("squared_error", "absolute_error", "friedman_mse", "poisson")),),
        "squared_error",
        "Error that a split reduces; poisson needs targets ≥ 0.",
    ),
}
CLASS_WEIGHT = "balanced: weigh classes by inverse frequency."


def growth(max_features: str | float | None) -> tuple[Hyperparameter, ...]:
    """How far a tree grows; `max_features` is the default, which differs between a tree and a forest."""
    share = Number(above=0, most=1)
    return (
        Hyperparameter("max_depth", (Integer(1), Nothing()), None, "Most levels of splits; null: no limit."),
        Hyperparameter(
            "min_samples_split", (Integer(2), share), 2, "Rows (integer) or share of rows a node needs to be split."
        ),
        Hyperparameter(
            "min_samples_leaf", (Integer(1), Number(above=0, below=1)), 1, "Rows (integer) or share of rows in a leaf."
        ),
        Hyperparameter(
            "max_features",
            (Option(("sqrt", "log2")), Integer(1), share, Nothing()),
            max_features,
            "Features tried at a split: a count (integer), a share, or all (null).",
        ),
        Hyperparameter("max_leaf_nodes", (Integer(2), Nothing()), None, "Most leaves; null: no limit."),
        Hyperparameter("min_impurity_decrease", (Number(0),), 0.0, "Least reduction of impurity that a split needs."),
        Hyperparameter("ccp_alpha", (Number(0),), 0.0, "Strength of cost-complexity pruning; 0: none."),
    )


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    return (DecisionTreeClassifier if task == CLASSIFICATION else DecisionTreeRegressor)(**parameters)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        "depth": int(estimator.get_depth()),
        "leaves": int(estimator.get_n_leaves()),
        "nodes": int(estimator.tree_.node_count),
        "importances": learned.importances(names, list(estimator.feature_importances_)),
    }


_SPLITTER = Hyperparameter(
    "splitter", (Option(("best", "random")),), "best", "Whether the best or a random threshold is taken."
)
_WEIGHT = Hyperparameter("class_weight", (Option(("balanced",)), Nothing()), None, CLASS_WEIGHT)

ENTRY = AlgorithmEntry(
    name="decision_tree",
    title="Decision tree",
    description="A tree of thresholds on single features (CART, Breiman et al. 1984).",
    parameters={
        CLASSIFICATION: (CRITERION[CLASSIFICATION], _SPLITTER, *growth(None), _WEIGHT, seed()),
        REGRESSION: (CRITERION[REGRESSION], _SPLITTER, *growth(None), seed()),
    },
    build=_build,
    learned=_learned,
)
