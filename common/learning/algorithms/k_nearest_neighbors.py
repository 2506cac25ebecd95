"""k-nearest neighbours, for classification and regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, Integer, Option


def _build(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    return (KNeighborsClassifier if task == CLASSIFICATION else KNeighborsRegressor)(**parameters, n_jobs=threads)


def _learned(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {"rows": int(estimator.n_samples_fit_), "features": len(names), "metric": str(estimator.effective_metric_)}


_COMMON = (
    Hyperparameter("n_neighbors", (Integer(1),), 5, "Number of neighbours that are asked."),
    Hyperparameter(
        "weights",
        (Option(("uniform", "distance")),),
        "uniform",
        "Whether each neighbour counts the same, or by its inverse distance.",
    ),
    Hyperparameter(
        "metric",
        (Option(("euclidean", "manhattan", "chebyshev", "cosine")),),
        "euclidean",
        "Distance, between scaled numbers and one-hot categories.",
    ),
    Hyperparameter(
        "algorithm",
        (Option(("auto", "ball_tree", "kd_tree", "brute")),),
        "auto",
        "How neighbours are found; cosine: by brute force only.",
    ),
    Hyperparameter("leaf_size", (Integer(1),), 30, "Rows in a leaf of the tree that finds neighbours."),
)

ENTRY = AlgorithmEntry(
    name="k_nearest_neighbors",
    title="k-nearest neighbours",
    description="The vote or mean of the rows that are most alike. Learns nothing: it keeps all rows, and is slow to"
    " predict with; distances mean little with very many features.",
    parameters={CLASSIFICATION: _COMMON, REGRESSION: _COMMON},
    build=_build,
    learned=_learned,
)
