"""Random forest, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Flaw
from common.learning import learned
from common.learning.algorithms.decision_tree import CLASS_WEIGHT, CRITERION, growth
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import (
    Boolean,
    Hyperparameter,
    Integer,
    Nothing,
    Number,
    Option,
    pointer,
    seed,
)

TREES = Hyperparameter("n_estimators", (Integer(1, 10_000),), 100, "Number of trees.")


def sampling(*, bootstrap: bool) -> tuple[Hyperparameter, ...]:
    """Which rows a tree sees; `bootstrap` is the default, which differs between forest and extra trees."""
    return (
        Hyperparameter("bootstrap", (Boolean(),), bootstrap, "Whether each tree sees a bootstrap sample, or all rows."),
        Hyperparameter(
            "oob_score", (Boolean(),), False, "Whether to score on the rows a tree did not see (bootstrap)."
        ),
        Hyperparameter(
            "max_samples",
            (Integer(1), Number(above=0, most=1), Nothing()),
            None,
            "Size of a bootstrap sample: rows (integer), a share, or as many as there are (null).",
        ),
    )


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return (RandomForestClassifier if task == CLASSIFICATION else RandomForestRegressor)(**parameters, n_jobs=threads)


def learned_trees(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    """Sizes of the trees and importances of a fitted forest."""
    depths = [tree.get_depth() for tree in estimator.estimators_]
    leaves = [tree.get_n_leaves() for tree in estimator.estimators_]
    shown: dict[str, Any] = {
        "trees": len(depths),
        "depth": {"mean": round(sum(depths) / len(depths), 2), "max": int(max(depths))},
        "leaves": {"mean": round(sum(leaves) / len(leaves), 2), "max": int(max(leaves))},
        "importances": learned.importances(names, list(estimator.feature_importances_)),
    }
    if estimator.oob_score:
        shown["oob_score"] = learned.figures([estimator.oob_score_])[0]
    return shown


def check(parameters: Mapping[str, Any], classes: int | None) -> list[Flaw]:
    """What goes with a bootstrap only."""
    if parameters["bootstrap"]:
        return []
    return [
        Flaw(pointer(name), "conflict", f"{name} needs bootstrap, which is false")
        for name in ("oob_score", "max_samples")
        if parameters[name]
    ]


WEIGHT = Hyperparameter("class_weight", (Option(("balanced", "balanced_subsample")), Nothing()), None, CLASS_WEIGHT)

_SAMPLING = sampling(bootstrap=True)

ENTRY = AlgorithmEntry(
    name="random_forest",
    title="Random forest",
    description="The vote or mean of many randomised decision trees (Breiman 2001). Strong untuned, large to store.",
    parameters={
        CLASSIFICATION: (TREES, CRITERION[CLASSIFICATION], *growth("sqrt"), *_SAMPLING, WEIGHT, seed()),
        REGRESSION: (TREES, CRITERION[REGRESSION], *growth(1.0), *_SAMPLING, seed()),
    },
    build=_build,
    learned=learned_trees,
    check=check,
)
