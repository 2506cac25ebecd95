"""Gradient boosting of trees over binned features, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Nothing, Number, Option, seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return (HistGradientBoostingClassifier if task == CLASSIFICATION else HistGradientBoostingRegressor)(**parameters)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "n_iter": int(estimator.n_iter_),
        "trees_per_iteration": int(estimator.n_trees_per_iteration_),
    }
    if len(estimator.train_score_):
        shown["train_score"] = learned.figures([estimator.train_score_[-1]])[0]
    if len(estimator.validation_score_):
        shown["validation_score"] = learned.figures([estimator.validation_score_[-1]])[0]
    return shown


_BOOSTING = (
    Hyperparameter("learning_rate", (Number(above=0),), 0.1, "How much of each tree's correction is taken."),
    Hyperparameter("max_iter", (Integer(1, 100_000),), 100, "Most rounds of boosting."),
    Hyperparameter("max_leaf_nodes", (Integer(2), Nothing()), 31, "Most leaves of a tree; null: no limit."),
    Hyperparameter("max_depth", (Integer(1), Nothing()), None, "Most levels of splits; null: no limit."),
    Hyperparameter("min_samples_leaf", (Integer(1),), 20, "Rows that a leaf needs."),
    Hyperparameter("l2_regularization", (Number(0),), 0.0, "Strength of the L2 penalty on the leaves."),
    Hyperparameter("max_features", (Number(above=0, most=1),), 1.0, "Share of the features tried at a split."),
    Hyperparameter("max_bins", (Integer(2, 255),), 255, "Most bins a feature's values are put into."),
    Hyperparameter(
        "early_stopping",
        (Option(("auto",)), Boolean()),
        "auto",
        "Whether to stop when a share of the rows kept aside is no longer predicted better; auto: above 10,000 rows.",
    ),
    Hyperparameter("validation_fraction", (Number(above=0, below=1),), 0.1, "The share of rows kept aside for that."),
    Hyperparameter("n_iter_no_change", (Integer(1),), 10, "Rounds without improvement after which it stops."),
    Hyperparameter("tol", (Number(0),), 1e-7, "What counts as improvement."),
)
_LOSS = Hyperparameter(
    "loss",
    (Option(("squared_error", "absolute_error", "gamma", "poisson")),),
    "squared_error",
    "The loss; gamma needs targets > 0, poisson targets ≥ 0.",
)
_WEIGHT = Hyperparameter(
    "class_weight", (Option(("balanced",)), Nothing()), None, "balanced: weigh classes by inverse frequency."
)

ENTRY = AlgorithmEntry(
    name="hist_gradient_boosting",
    title="Gradient boosting (histograms)",
    description="Trees that correct one another, over features put into bins (Ke et al. 2017). Usually the most exact"
    " on tables of more than a few thousand rows.",
    parameters={CLASSIFICATION: (*_BOOSTING, _WEIGHT, seed()), REGRESSION: (_LOSS, *_BOOSTING, seed())},
    build=_build,
    learned=_learned,
    dense=True,
)
