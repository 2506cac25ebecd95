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

    def scores(self) -> dict[Any, Any]:
        """What ranks the rows: by class, of the positive one only if there are two; larger is more likely.

        Probabilities, else the decision function; raises `Undefined` without either.
        """
        scores = self.probabilities if self.probabilities is not None else self.decisions
        if scores is None:
            raise Undefined("the algorithm gives no scores")
        if self.positive is None:
            return {label: scores[:, column] for column, label in enumerate(self.classes)}
        position = self.classes.index(self.positive)
        if scores.ndim == 2:
            return {self.positive: scores[:, position]}
        return {self.positive: scores if position == 1 else -scores}


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
