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
from common.learning.algorithms import (
    decision_tree,
    linear_regression,
    logistic_regression,
    naive_bayes,
    random_forest,
    svm,
)
from common.learning.algorithms.entry import AlgorithmEntry
from common.learning.measures import accuracy, ranking, regression, retrieval
from common.learning.measures.entry import MeasureEntry

Entry = TypeVar("Entry", AlgorithmEntry, MeasureEntry)

_ALGORITHMS = (
    logistic_regression.ENTRY,
    decision_tree.ENTRY,
    random_forest.ENTRY,
    svm.ENTRY,
    naive_bayes.ENTRY,
    linear_regression.ENTRY,
)
_MEASURES = (*accuracy.ENTRIES, *retrieval.ENTRIES, *ranking.ENTRIES, *regression.ENTRIES)


@cache
def algorithms() -> MappingProxyType[str, AlgorithmEntry]:
    """Every algorithm by its name."""
    return _collect(_ALGORITHMS, "autolearn.algorithms", AlgorithmEntry)


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
