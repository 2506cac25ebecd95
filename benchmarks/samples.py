"""The arithmetic of figures: samples, their percentiles, and ratios of samples that were taken in pairs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values, no percentile")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Latency:
    """Seconds as they were measured, one value a repetition."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """p50, in seconds."""
        return percentile(self.values, 0.5)

    def __str__(self) -> str:
        p50, p99, worst = (1000 * percentile(self.values, share) for share in (0.5, 0.99, 1.0))
        return f"p50 {p50:.3g}, p99 {p99:.3g}, worst {worst:.3g} ms (n={len(self.values)})"


def spread(values: Sequence[float], unit: str = "") -> str:
    """`median (min–max) unit`."""
    low, middle, high = (f"{one:.3g}" for one in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}–{high}){' ' if unit else ''}{unit}"


@dataclass(frozen=True)
class Paired:
    """Samples of two programs that were taken in turn, so that a drift of the machine's speed hits both."""

    ours: tuple[float, ...]
    floor: tuple[float, ...]

    def ratios(self, allowance: float = 0.0) -> tuple[float, ...]:
        """Ours less a fixed `allowance`, divided by the floor, pair by pair."""
        return tuple((one - allowance) / other for one, other in zip(self.ours, self.floor, strict=True))


def in_turn(
    ours: Callable[[], float], floor: Callable[[], float], *, rounds: int, each: int = 1, warmup: int = 1
) -> Paired:
    """`each` pairs in every round; from round to round the other of the two goes first."""
    for _ in range(warmup):
        ours()
        floor()
    taken: dict[Callable[[], float], list[float]] = {ours: [], floor: []}
    for number in range(rounds):
        order = (ours, floor) if number % 2 == 0 else (floor, ours)
        for _ in range(each):
            for one in order:
                taken[one].append(one())
    return Paired(tuple(taken[ours]), tuple(taken[floor]))
