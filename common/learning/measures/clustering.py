"""Measures of clusters without a truth: how compact they are, and how far apart. Noise (-1) counts in none."""

from __future__ import annotations

from typing import Any

from common.learning.algorithms.entry import ANOMALY, CLUSTERING
from common.learning.measures.entry import MeasureEntry, Predictions, Undefined

MOST_COMPARED = 10_000
"""Rows that the silhouette compares with each other; of more, so many are drawn (seed 0)."""


def _clustered(predictions: Predictions) -> tuple[Any, Any]:
    """Inputs and clusters of the rows that belong to one."""
    import numpy as np

    labels = predictions.predicted
    # Of a clustering -1 is noise; of an anomaly detection it is the group of the anomalies.
    kept = labels >= 0 if predictions.noise else np.ones(len(labels), dtype=bool)
    groups = len(np.unique(labels[kept]))
    if groups < 2:
        raise Undefined("all rows are in one group" if groups else "no row is in a cluster")
    if groups >= kept.sum():
        raise Undefined("every row is a group of its own")
    return predictions.inputs[kept], labels[kept]


def _silhouette(predictions: Predictions) -> float:
    from sklearn.metrics import silhouette_score

    inputs, labels = _clustered(predictions)
    some = MOST_COMPARED if len(labels) > MOST_COMPARED else None
    try:
        return float(silhouette_score(inputs, labels, sample_size=some, random_state=0))
    except ValueError as error:  # all that were drawn are of one cluster
        raise Undefined("too few rows of the smaller groups to draw from") from error


def _davies_bouldin(predictions: Predictions) -> float:
    from sklearn.metrics import davies_bouldin_score

    return float(davies_bouldin_score(*_clustered(predictions)))


def _calinski_harabasz(predictions: Predictions) -> float:
    from sklearn.metrics import calinski_harabasz_score

    return float(calinski_harabasz_score(*_clustered(predictions)))


_TASKS = (CLUSTERING, ANOMALY)

ENTRIES = (
    MeasureEntry(
        "silhouette",
        _TASKS,
        "higher",
        (-1.0, 1.0),
        "Mean over the rows of how much nearer the own group is than the next (Rousseeuw 1987). Noise is left out; of"
        f" more than {MOST_COMPARED} rows so many are drawn.",
        _silhouette,
    ),
    MeasureEntry(
        "davies_bouldin",
        _TASKS,
        "lower",
        (0.0, None),
        "Mean over the groups of the worst ratio of spread within to distance between (Davies and Bouldin 1979).",
        _davies_bouldin,
    ),
    MeasureEntry(
        "calinski_harabasz",
        _TASKS,
        "higher",
        (0.0, None),
        "Ratio of the spread between groups to that within (Calinski and Harabasz 1974).",
        _calinski_harabasz,
    ),
)
