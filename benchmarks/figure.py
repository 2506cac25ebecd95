"""A figure as it is printed and kept: ours, the floor, their ratio, and what was promised."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.samples import spread


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` is what is compared with `target`: a ratio or, without a floor, a quantity."""

    what: str
    ours: str
    floor: str
    value: str
    target: str
    met: bool


@dataclass(frozen=True)
class Scale:
    """How much is measured: all of it, or just enough to see that it works."""

    rounds: int
    repetitions: int
    many: int
    events: int
    experiments: int
    idle_seconds: float
    size: float
    """Of tables, as a share of those of which something is promised."""


FULL = Scale(rounds=3, repetitions=30, many=200, events=100_000, experiments=100_000, idle_seconds=20.0, size=1.0)
QUICK = Scale(rounds=3, repetitions=4, many=20, events=5_000, experiments=5_000, idle_seconds=3.0, size=0.1)

Measure = Callable[[Scale], Sequence[Figure]]


def at_most(what: str, ours: str, floor: str, ratios: Sequence[float], limit: float, *, unit: str = "×") -> Figure:
    """A figure whose median may not exceed `limit`."""
    return Figure(what, ours, floor, spread(ratios, unit), f"≤ {limit:g} {unit}", statistics.median(ratios) <= limit)


def at_least(what: str, ours: str, floor: str, ratios: Sequence[float], limit: float, *, unit: str = "×") -> Figure:
    """A figure whose median must reach `limit`."""
    return Figure(what, ours, floor, spread(ratios, unit), f"≥ {limit:g} {unit}", statistics.median(ratios) >= limit)
