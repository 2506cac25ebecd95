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

_TREES = Hyperparameter("n_estimators", (Integer(1, 10_000),), 100, "Number of trees.")
_SAMPLING = (
    Hyperparameter("bootstrap", (Boolean(),), True, "Whether each tree sees a bootstrap sample, or all rows."),
    Hyperparameter("oob_score", (Boolean(),), False, "Whether to score on the rows a tree did not see (bootstrap)."),
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


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
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


def _check(parameters: Mapping[str, Any], classes: int | None) -> list[Flaw]:
    if parameters["bootstrap"]:
        return []
    return [
        Flaw(pointer(name), "conflict", f"{name} needs bootstrap, which is false")
        for name in ("oob_score", "max_samples")
        if parameters[name]
    ]


_WEIGHT = Hyperparameter("class_weight", (Option(("balanced", "balanced_subsample")), Nothing()), None, CLASS_WEIGHT)

ENTRY = AlgorithmEntry(
    name="random_forest",
    title="Random forest",
    description="The vote or mean of many randomised decision trees (Breiman 2001). Strong untuned, large to store.",
    parameters={
        CLASSIFICATION: (_TREES, CRITERION[CLASSIFICATION], *growth("sqrt"), *_SAMPLING, _WEIGHT, seed()),
        REGRESSION: (_TREES, CRITERION[REGRESSION], *growth(1.0), *_SAMPLING, seed()),
    },
    build=_build,
    learned=_learned,
    check=_check,
)
