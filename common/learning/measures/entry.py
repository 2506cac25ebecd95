"""What the platform knows of a measure: its catalogue entry, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from common.contracts.catalogue import Measure


class Undefined(Exception):
    """A measure has no value for these predictions; the message says why."""


@dataclass(frozen=True)
class Predictions:
    """What a model said about rows whose truth is known; arrays have one element (or row) per row of data.

    `truth` is None for tasks without a target. For classification truth and predicted are positions in `labels`, not
    labels: metrics sort what they are given several times over, which takes far longer for text than for small
    integers.
    """

    truth: Any
    predicted: Any
    labels: tuple[Any, ...] = ()
    """The classes the model knows, in the order of its columns, then others that occur; empty for a regression."""
    known: int = 0
    """How many of the labels the model knows."""
    positive: int | None = None
    """The position of the positive class of two; None for more classes and for a regression."""
    probabilities: Any = field(default=None, repr=False)
    """(rows, known), or None where the estimator has none."""
    decisions: Any = field(default=None, repr=False)
    """Decision function, (rows,) for two classes, else (rows, known); None where the estimator has none."""
    inputs: Any = field(default=None, repr=False)
    """(rows, inputs): the prepared features that groups are measured in; None where there is a truth."""
    noise: bool = False
    """Whether a predicted -1 means that a row belongs to no group."""

    def rows(self, positions: Any) -> Predictions:
        """The predictions of some rows, by position; a position may come up several times."""
        arrays: dict[str, Any] = {
            name: None if values is None else values[positions]
            for name in ("truth", "predicted", "probabilities", "decisions", "inputs")
            for values in (getattr(self, name),)
        }
        return replace(self, **arrays)

    def __len__(self) -> int:
        return len(self.predicted)

    def scores(self) -> dict[int, Any]:
        """What ranks the rows: by class, of the positive one only if there are two; larger is more likely.

        Probabilities, else the decision function; raises `Undefined` without either.
        """
        scores = self.probabilities if self.probabilities is not None else self.decisions
        if scores is None:
            raise Undefined("the algorithm gives no scores")
        if self.positive is None:
            return {position: scores[:, position] for position in range(self.known)}
        if scores.ndim == 2:
            return {self.positive: scores[:, self.positive]}
        return {self.positive: scores if self.positive == 1 else -scores}


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
