"""All algorithms and measures: those of this repository, then those of installed packages.

A package adds its own through the entry point groups `autolearn.algorithms` and `autolearn.measures`; an entry point
names an `AlgorithmEntry` or `MeasureEntry`, or a tuple of them.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from types import MappingProxyType
from typing import TypeVar

from common import errors
from common.learning import estimators
from common.learning.algorithms import (
    baseline,
    clustering,
    decision_tree,
    discrete_naive_bayes,
    extra_trees,
    hist_gradient_boosting,
    isolation_forest,
    k_nearest_neighbors,
    linear_regression,
    linear_svm,
    logistic_regression,
    multilayer_perceptron,
    naive_bayes,
    penalised_regression,
    random_forest,
    svm,
)
from common.learning.algorithms.entry import AlgorithmEntry
from common.learning.measures import accuracy, agreement, ranking, regression, retrieval
from common.learning.measures import clustering as clusters
from common.learning.measures.entry import MeasureEntry

Entry = TypeVar("Entry", AlgorithmEntry, MeasureEntry)

_ALGORITHMS = (
    logistic_regression.ENTRY,
    decision_tree.ENTRY,
    random_forest.ENTRY,
    extra_trees.ENTRY,
    hist_gradient_boosting.ENTRY,
    svm.ENTRY,
    linear_svm.ENTRY,
    k_nearest_neighbors.ENTRY,
    naive_bayes.ENTRY,
    *discrete_naive_bayes.ENTRIES,
    multilayer_perceptron.ENTRY,
    linear_regression.ENTRY,
    *penalised_regression.ENTRIES,
    baseline.ENTRY,
    *clustering.ENTRIES,
    isolation_forest.ENTRY,
)
_MEASURES = (
    *accuracy.ENTRIES,
    *retrieval.ENTRIES,
    *ranking.ENTRIES,
    *agreement.ENTRIES,
    *regression.ENTRIES,
    *clusters.ENTRIES,
)


@cache
def algorithms() -> MappingProxyType[str, AlgorithmEntry]:
    """Every algorithm by its name."""
    return _collect(_ALGORITHMS, "autolearn.algorithms", AlgorithmEntry)


def algorithm(name: str) -> AlgorithmEntry | None:
    """The algorithm of that name: one of the catalogue, or what may be an estimator by its qualified name."""
    return algorithms().get(name) or estimators.entry(name)


def trained(name: str) -> AlgorithmEntry:
    """The algorithm of a completed request. Raises `errors.Internal` for one that is no longer installed."""
    found = algorithm(name)
    if found is None:
        raise errors.Internal(f"the algorithm {name!r} is not installed any more")
    return found


@cache
def measures() -> MappingProxyType[str, MeasureEntry]:
    """Every measure by its name."""
    return _collect(_MEASURES, "autolearn.measures", MeasureEntry)


def measures_for(task: str) -> tuple[MeasureEntry, ...]:
    """The measures that are computed for a task when nobody asks for particular ones."""
    return tuple(entry for entry in measures().values() if task in entry.tasks and entry.default)


def _collect(own: tuple[Entry, ...], group: str, kind: type[Entry]) -> MappingProxyType[str, Entry]:
    found = {entry.name: entry for entry in own}
    for point in metadata.entry_points(group=group):
        loaded = point.load()
        for entry in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(entry, kind):
                raise errors.Internal(f"entry point {point.name!r} of {group} gives no {kind.__name__}: {entry!r}")
            if entry.name in found:
                raise errors.Internal(f"entry point {point.name!r} of {group}: {entry.name!r} exists already")
            found[entry.name] = entry
    return MappingProxyType(found)
