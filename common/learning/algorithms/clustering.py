"""Groups of rows that are alike: k-means, DBSCAN, Gaussian mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.learning import learned
from common.learning.algorithms.entry import CLUSTERING, AlgorithmEntry
from common.learning.hyperparameters import Hyperparameter, Integer, Number, Option, seed


def _k_means(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(**parameters)


def _dbscan(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.cluster import DBSCAN

    return DBSCAN(**parameters, n_jobs=threads)


def _mixture(task: str, parameters: Mapping[str, Any], threads: int) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(**parameters)


def _of_k_means(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        **_sizes(estimator.labels_),
        "inertia": learned.figures([estimator.inertia_])[0],
        "n_iter": int(estimator.n_iter_),
        "centres": learned.by_size(names, estimator.cluster_centers_, range(len(estimator.cluster_centers_))),
    }


def _of_dbscan(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {**_sizes(estimator.labels_), "core_rows": len(estimator.core_sample_indices_)}


def _of_mixture(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    return {
        "weights": learned.figures(estimator.weights_[: learned.MOST_ROWS]),
        "converged": bool(estimator.converged_),
        "n_iter": int(estimator.n_iter_),
        "centres": learned.by_size(names, estimator.means_, range(len(estimator.means_))),
    }


def _sizes(labels: Any) -> dict[str, Any]:
    """Rows of each cluster, largest first, and of noise (rows that belong to none)."""
    import numpy as np

    groups, counts = np.unique(labels[labels >= 0], return_counts=True)
    largest = np.argsort(-counts)[: learned.MOST_ROWS]
    sizes = [{"cluster": int(groups[at]), "rows": int(counts[at])} for at in largest]
    return {"clusters": len(groups), "sizes": sizes, "noise_rows": int((labels < 0).sum())}


ENTRIES = (
    AlgorithmEntry(
        name="k_means",
        title="k-means",
        description="A given number of clusters, each row in that with the nearest centre (Lloyd 1982). For round"
        " clusters of similar size.",
        parameters={
            CLUSTERING: (
                Hyperparameter("n_clusters", (Integer(1, 10_000),), 8, "Number of clusters."),
                Hyperparameter(
                    "init",
                    (Option(("k-means++", "random")),),
                    "k-means++",
                    "How first centres are drawn: far apart, or any rows.",
                ),
                Hyperparameter("n_init", (Integer(1, 1000),), 10, "Number of starts, of which the best is kept."),
                Hyperparameter("max_iter", (Integer(1, 1_000_000),), 300, "Most rounds of a start."),
                Hyperparameter("tol", (Number(0),), 1e-4, "Movement of the centres at which a start ends."),
                Hyperparameter("algorithm", (Option(("lloyd", "elkan")),), "lloyd", "How distances are saved."),
                seed(),
            )
        },
        build=_k_means,
        learned=_of_k_means,
        dense=True,  # as its measures need
    ),
    AlgorithmEntry(
        name="dbscan",
        title="DBSCAN",
        description="Clusters of any shape where rows are dense; the rest is noise, cluster -1 (Ester et al. 1996)."
        " It labels the rows it is given and cannot predict others.",
        parameters={
            CLUSTERING: (
                Hyperparameter("eps", (Number(above=0),), 0.5, "Distance within which rows are neighbours."),
                Hyperparameter("min_samples", (Integer(1),), 5, "Neighbours that make a row the core of a cluster."),
                Hyperparameter(
                    "metric", (Option(("euclidean", "manhattan", "chebyshev")),), "euclidean", "The distance."
                ),
                Hyperparameter(
                    "algorithm",
                    (Option(("auto", "ball_tree", "kd_tree", "brute")),),
                    "auto",
                    "How neighbours are found.",
                ),
            )
        },
        build=_dbscan,
        learned=_of_dbscan,
        dense=True,
        predicts=False,
    ),
    AlgorithmEntry(
        name="gaussian_mixture",
        title="Gaussian mixture",
        description="Rows as drawn from a given number of normal distributions (EM, Dempster et al. 1977): clusters may"
        " be stretched, and each row belongs to each with a probability.",
        parameters={
            CLUSTERING: (
                Hyperparameter("n_components", (Integer(1, 1000),), 2, "Number of distributions."),
                Hyperparameter(
                    "covariance_type",
                    (Option(("full", "tied", "diag", "spherical")),),
                    "full",
                    "What each may look like: any shape, one for all, along the axes, round.",
                ),
                Hyperparameter("n_init", (Integer(1, 1000),), 1, "Number of starts, of which the best is kept."),
                Hyperparameter("max_iter", (Integer(1, 1_000_000),), 100, "Most rounds of a start."),
                Hyperparameter("tol", (Number(0),), 1e-3, "Gain at which a start ends."),
                Hyperparameter("reg_covar", (Number(0),), 1e-6, "Added to variances, to keep them above 0."),
                seed(),
            )
        },
        build=_mixture,
        learned=_of_mixture,
        dense=True,
    ),
)
