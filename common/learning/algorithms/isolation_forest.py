"""Isolation forest: which rows are unlike the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import ANOMALY, AlgorithmEntry
from common.learning.hyperparameters import Boolean, Hyperparameter, Integer, Number, Option, seed


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(**parameters, n_jobs=threads)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        "trees": len(estimator.estimators_),
        "rows_per_tree": int(estimator.max_samples_),
        "threshold": learned.figures([estimator.offset_])[0],
    }


ENTRY = AlgorithmEntry(
    name="isolation_forest",
    title="Isolation forest",
    description="Rows that random splits separate quickly are anomalies (Liu et al. 2008): -1, all others 1.",
    parameters={
        ANOMALY: (
            Hyperparameter("n_estimators", (Integer(1, 10_000),), 100, "Number of trees."),
            Hyperparameter(
                "max_samples",
                (Option(("auto",)), Integer(1), Number(above=0, most=1)),
                "auto",
                "Rows that a tree sees: a count (integer), a share, or auto: at most 256.",
            ),
            Hyperparameter(
                "contamination",
                (Option(("auto",)), Number(above=0, most=0.5)),
                "auto",
                "Share of anomalies among the rows; auto: the threshold of the original paper.",
            ),
            Hyperparameter("max_features", (Number(above=0, most=1),), 1.0, "Share of the features that a tree sees."),
            Hyperparameter("bootstrap", (Boolean(),), False, "Whether rows are drawn with replacement."),
            seed(),
        )
    },
    build=_build,
    learned=_learned,
    dense=True,
)
