"""What the platform knows of an algorithm: its catalogue entry, and the way to its estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.contracts.catalogue import Algorithm
from common.errors import Flaw
from common.learning.hyperparameters import Hyperparameter, object_schema

CLASSIFICATION = "classification"
REGRESSION = "regression"
CLUSTERING = "clustering"
ANOMALY = "anomaly"
TASKS = (CLASSIFICATION, REGRESSION, CLUSTERING, ANOMALY)
UNSUPERVISED = (CLUSTERING, ANOMALY)
"""Tasks without a target."""

Build = Callable[[str, Mapping[str, Any], int], Any]
"""(task, hyper-parameters, threads) -> an unfitted scikit-learn estimator. The only place that imports it."""
Learned = Callable[[Any, Sequence[str]], dict[str, Any]]
"""(fitted estimator, names of its inputs) -> what it learned, as JSON."""
Check = Callable[[Mapping[str, Any], int | None], Sequence[Flaw]]
"""(hyper-parameters, number of classes or None) -> what does not go together."""


def _no_flaws(parameters: Mapping[str, Any], classes: int | None) -> Sequence[Flaw]:
    return ()


@dataclass(frozen=True)
class AlgorithmEntry:
    """One algorithm for one or more tasks; plain data but for its functions, which import scikit-learn when called."""

    name: str
    title: str
    description: str
    parameters: Mapping[str, tuple[Hyperparameter, ...]]
    """Task -> its hyper-parameters."""
    build: Build
    """Makes the estimator, which must leave the rows that it is fitted to as they are (`copy_X`)."""
    learned: Learned
    check: Check = _no_flaws
    dense: bool = False
    """Whether the estimator cannot take a sparse matrix."""
    open: bool = False
    """Whether its hyper-parameters are known to the child alone, which checks them."""
    predicts: bool = True
    """Whether the estimator can say something of rows that it has not learned from."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks it serves."""
        return tuple(self.parameters)

    def document(self) -> Algorithm:
        """The entry as the catalogue shows it."""
        return Algorithm(
            name=self.name,
            title=self.title,
            tasks=list(self.tasks),
            description=self.description,
            parameters={task: object_schema(known) for task, known in self.parameters.items()},
        )
