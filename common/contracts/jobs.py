"""Jobs: trainings and evaluations, asked for and watched; searches are in `searches`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from common.contracts.base import Answer, Command, Document, Name, Reference

MeasureName = Annotated[str, Field(min_length=1, max_length=100)]
FEW_VALUES = 10
"""An integer target with at most so many distinct values is taken for classes unless the task is told."""


PATHS = {"training": "/v1/trainings", "evaluation": "/v1/evaluations", "search": "/v1/searches"}
"""Where jobs of each kind are."""


class JobState(StrEnum):
    """Where a job is in its life; the last three are terminal."""

    queued = "queued"  # accepted and on disk, waits for a free slot
    running = "running"  # a task worker holds it under a lease
    cancelling = "cancelling"  # somebody asked to stop it, the child is still there
    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing can change this any more."""
        return self in (JobState.succeeded, JobState.failed, JobState.cancelled)


class Split(Command):
    """How the rows are divided: the share of held-out rows, and the seed that makes it repeatable.

    With `train_rows` at most so many of the others are learned from, by class as far as it goes; those of a smaller
    number are among those of a larger one, and the rows held out are the same for all.
    """

    test_share: Annotated[float, Field(strict=False)] = 0.25
    seed: int = 0
    stratify: str | bool = "auto"
    train_rows: Annotated[int | None, Field(ge=2)] = None


class Limits(Command):
    """What one job may use: wall-clock seconds and bytes of memory. Null: the installation's own limit."""

    seconds: Annotated[float | None, Field(gt=0)] = None
    memory: Annotated[int | None, Field(ge=2**26)] = None  # an interpreter that does nothing takes most of 64 MiB


class Confidence(Command):
    """Intervals of measures by bootstrap (Efron 1979): percentiles over so many resamples of the measured rows."""

    level: Annotated[float, Field(gt=0.5, lt=1, strict=False)] = 0.95
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class CrossValidation(Command):
    """Train anew on all but one of so many parts of the rows, measure on that one, for each.

    `method`: `plain` (by class in a classification), `grouped` (rows with the same value of `column` stay together),
    `time` (in the order of `column`; learns from earlier rows only).
    """

    folds: Annotated[int, Field(ge=2, le=100)] = 5
    method: Literal["plain", "grouped", "time"] = "plain"
    column: str | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class LearningCurve(CrossValidation):
    """Train anew on growing shares of each fold's rows to learn from: whether more rows would help.

    At `points` numbers of rows, evenly from a tenth to all; those of a smaller number are among those of a larger one.
    """

    points: Annotated[int, Field(ge=2, le=20)] = 5


class PermutationImportance(Command):
    """How much worse a measure gets when the values of a column are shuffled (Breiman 2001), the model as it is.

    `measure` null: balanced_accuracy, or r2. Of more than `rows` rows so many are drawn. `columns` null: the features,
    at most the first 100.
    """

    measure: MeasureName | None = None
    columns: Annotated[list[Name], Field(min_length=1, max_length=1000)] | None = None
    repeats: Annotated[int, Field(ge=1, le=100)] = 5
    rows: Annotated[int, Field(ge=2, le=100_000)] = 5000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class PartialDependence(Command):
    """What the model answers on average when a column has this value or that in all rows (Friedman 2001).

    At `points` values evenly between the 5th and the 95th percentile, or at the most frequent categories. Of more than
    `rows` rows so many are drawn. `columns` null: the six whose permutation matters most.
    """

    columns: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None
    points: Annotated[int, Field(ge=2, le=100)] = 20
    rows: Annotated[int, Field(ge=2, le=10_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class ColumnPreparation(Command):
    """How one column is prepared; null: what fits its type (`impute median`, `scale standard`, `encode one_hot`).

    `ignore` (or `encode drop`): it is no feature. `constant` puts `fill_value` in (without one: `missing`, a category).
    Of one_hot and ordinal values that are rarer than `min_frequency` (rows, or a share), or beyond the most frequent
    `max_categories`, share a column; `categories` are the order of ordinal. `hashing` (Weinberger et al. 2009) makes
    `n_features` columns of the words of a text, or of a category as a whole.
    """

    ignore: bool = False
    impute: Literal["mean", "median", "most_frequent", "constant"] | None = None
    fill_value: str | int | float | None = None
    scale: Literal["standard", "minmax", "robust", "none"] | None = None
    encode: Literal["one_hot", "ordinal", "hashing", "drop"] | None = None
    min_frequency: Annotated[float | None, Field(gt=0, strict=False)] = None
    max_categories: Annotated[int, Field(ge=2, le=10_000)] | None = None
    categories: Annotated[list[str | int], Field(min_length=1, max_length=10_000)] | None = None
    n_features: Annotated[int, Field(ge=2, le=2**18)] | None = None


class Preprocessing(Command):
    """How columns are prepared: by their type, as told for all features of a type, and as told for `columns`.

    What is said of a column is all that holds for it: what is said of its type does not count then.
    """

    method: Literal["automatic"] = "automatic"
    types: dict[Literal["number", "integer", "boolean", "category", "text"], ColumnPreparation] = {}
    columns: dict[Name, ColumnPreparation] = {}


class LearningRequest(Command):
    """What is learned from, within a session: columns and rows of one dataset, how they are prepared and measured."""

    session: Reference
    dataset: Reference
    target: str | None = None
    task: str | None = None
    features: list[str] | None = None
    exclude: list[str] | None = None
    positive_class: str | int | float | bool | None = None
    measures: list[MeasureName] | None = None  # besides the usual ones of the task
    split: Split = Split()
    preprocessing: Preprocessing | None = None
    limits: Limits = Limits()


class TrainingRequest(LearningRequest):
    """Train one algorithm on one dataset within a session."""

    algorithm: Reference
    parameters: dict[str, Any] = {}


class EvaluationRequest(Command):
    """Measure the model of a training: on its held-out rows, or on another dataset with the same features."""

    training: Reference
    measures: list[MeasureName] | None = None
    dataset: Reference | None = None
    confidence: Confidence | None = None
    cross_validation: CrossValidation | None = None
    learning_curve: LearningCurve | None = None
    permutation_importance: PermutationImportance | None = None
    partial_dependence: PartialDependence | None = None
    limits: Limits = Limits()


def headline(result: Mapping[str, Any]) -> dict[str, Any]:
    """The measures that people mean by those of a result: of a training on its held-out rows, where there are any."""
    found = result.get("measures") or {}
    if isinstance(found.get("train"), Mapping):
        found = found.get("test") or found["train"]
    return dict(found)


class Progress(Answer):
    """What a running job is doing: `fraction` is 0..1, or null where it cannot be known."""

    step: str
    fraction: float | None = None
    message: str = ""


class Job(Answer):
    """A training, an evaluation or a search: `request`, `result` and `problem` are confidential to its session."""

    id: str
    kind: str
    state: JobState
    session: str
    dataset: str | None = None
    algorithm: str | None = None
    training: str | None = None
    search: str | None = None  # of a trial: the search that has asked for it
    attempt: int = 0
    ahead: int | None = None  # while queued: how many wait in front of it
    trace_id: str
    created: str
    started: str | None = None
    ended: str | None = None
    progress: Progress | None = None
    request: Document | None = None
    task_reason: str | None = None
    result: Document | None = None
    problem: Document | None = None
    experiment: str | None = None
    removed: str | None = None  # what became of it when its session let go of it: dropped, discarded or expired
