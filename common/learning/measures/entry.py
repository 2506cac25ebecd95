"""What the platform knows of a measure: its catalogue entry, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from common.contracts.catalogue import Measure


class Undefined(Exception):
    """A measure has no value for these predictions; the message says why."""


@dataclass(frozen=True)
class Predictions:
    """What a model said about rows whose truth is known; arrays have one element (or row) per row of data."""

    truth: Any
    predicted: Any
    classes: tuple[Any, ...] = ()
    """The classes the model knows, as the columns of `probabilities` and `decisions`; empty for a regression."""
    positive: Any = None
    """The positive class of two; None for more classes and for regression."""
    probabilities: Any = field(default=None, repr=False)
    """(rows, classes), or None where the estimator has none."""
    decisions: Any = field(default=None, repr=False)
    """Decision function, (rows,) for two classes, else (rows, classes); None where the estimator has none."""


@dataclass(frozen=True)
class MeasureEntry:
    """One figure of merit; `compute` imports what it needs when called, and raises `Undefined` where there is none."""

    name: str
    tasks: tuple[str, ...]
    direction: str
    """`higher` or `lower` is better."""
    range: tuple[float | None, float | None]
    definition: str
    compute: Callable[[Predictions], float]
    default: bool = True
    """Whether it is computed when nobody asks for particular measures."""

    def document(self) -> Measure:
        """The entry as the catalogue shows it."""
        return Measure(
            name=self.name,
            tasks=list(self.tasks),
            direction=self.direction,
            range=list(self.range),
            definition=self.definition,
        )
