"""Which algorithms and measures there are: the ones of this package and those that installed packages add.

A package adds one with an entry point in the group `autolearn.algorithms` (an `Algorithm`) or `autolearn.measures` (a
`Measure` or a tuple of them). A name that exists already is refused: nobody should get another estimator than the one
the documentation describes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from common import errors
from common.learning.algorithm import Algorithm, Task
from common.learning.measure import Measure
from common.learning.parameter import near

ALGORITHMS = ("logistic_regression", "decision_tree", "random_forest", "svm", "naive_bayes")
MEASURES = ("averaged", "accuracy", "ranking", "log_loss", "regression")


@cache
def algorithms() -> Mapping[str, Algorithm]:
    """All algorithms by name, in the order of the catalogue."""
    own = (import_module(f"common.learning.algorithms.{name}").ALGORITHM for name in ALGORITHMS)
    return _by_name([*own, *_installed("autolearn.algorithms", Algorithm)])


@cache
def measures() -> Mapping[str, Measure]:
    """All measures by name, in the order of the catalogue."""
    own = (measure for name in MEASURES for measure in import_module(f"common.learning.measures.{name}").MEASURES)
    return _by_name([*own, *_installed("autolearn.measures", Measure)])


def algorithm(name: str) -> Algorithm:
    """The algorithm of that name; NotFound with near misses."""
    return _named(algorithms(), name, "algorithm")


def measure(name: str) -> Measure:
    """The measure of that name; NotFound with near misses."""
    return _named(measures(), name, "measure")


def measures_for(task: Task) -> list[Measure]:
    """The measures that fit the task."""
    return [each for each in measures().values() if task in each.tasks]


def _named[T](known: Mapping[str, T], name: str, noun: str) -> T:
    found = known.get(name)
    if found is None:
        hints = near(name, known)
        meant = f"; did you mean {' or '.join(hints)}?" if hints else f"; there are {', '.join(known)}"
        raise errors.NotFound(f"There is no {noun} {name[:80]!r}{meant}", extra={"suggestions": list(hints)})
    return found


def _by_name(entries: Iterable[Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        if entry.name in found:
            raise ValueError(f"{entry.name!r} is defined twice; rename the one that an installed package adds")
        found[entry.name] = entry
    return MappingProxyType(found)


def _installed(group: str, kind: type) -> Iterable[Any]:
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        loaded = point.load()
        for entry in loaded if isinstance(loaded, (tuple, list)) else (loaded,):
            if not isinstance(entry, kind):
                raise TypeError(f"entry point {point.name!r} of {group} is {type(entry).__name__}, not {kind.__name__}")
            yield entry
