"""Searches: many trainings under one job, ranked by a measure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from common.contracts.base import Answer, Command, Document, Reference
from common.contracts.jobs import Job, JobState, LearningRequest, MeasureName

MOST_TRIALS = 1000
"""Trials that one search may begin with."""


class Space(Command):
    """An algorithm, and for each hyper-parameter that is not left at its default what is tried.

    A list is of candidates. `{"low": 0.01, "high": 100}` is a range, of which whole numbers are drawn if both ends are;
    `scale` is `linear`, `log`, or by default `log` where both ends are positive and 100 or more apart. Anything else is
    the one value for all trials (a list as a value: inside of a list).
    """

    algorithm: Reference
    parameters: dict[str, Any] = {}


class Halving(Command):
    """Successive halving (Jamieson and Talwalkar 2016): all learn from few rows, the best of each rung from more.

    One in `factor` goes on, to `factor` times as many rows; the first rung has `least_rows` at least.
    """

    factor: Annotated[int, Field(ge=2, le=10)] = 3
    least_rows: Annotated[int, Field(ge=2)] = 50


class Budget(Command):
    """What a search may use: seconds since it was asked for (what has not ended then is cancelled), and trainings."""

    seconds: Annotated[float | None, Field(gt=0, strict=False)] = None
    trials: Annotated[int | None, Field(ge=1)] = None


class SearchRequest(LearningRequest):
    """Train many times within a session, and rank the trainings by the measure `by`.

    `grid`: every combination of the candidates of each space. `random`: `draws` different ones of each space, the same
    for the same `seed` (null: that of the split). `all`: every curated algorithm that fits, with the baseline.
    `by` null: balanced_accuracy, r2 or silhouette, by task.
    """

    method: Literal["grid", "random", "all"]
    algorithms: Annotated[list[Space], Field(max_length=50)] = []
    draws: Annotated[int | None, Field(ge=1, le=MOST_TRIALS)] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**32)] = None
    halving: Halving | None = None
    by: MeasureName | None = None
    budget: Budget = Budget()


class Tally(Answer):
    """How many trials: `planned` as far as is known by now, of which have ended; `left_out` for want of a budget."""

    planned: int
    ended: int
    succeeded: int
    failed: int
    cancelled: int
    left_out: int = 0


class Best(Answer):
    """The leading trial. `value` is null where it cannot be read here (any more): it is committed, or dropped."""

    training: str
    algorithm: str
    parameters: Document
    value: float | None = None
    experiment: str | None = None


class Rung(Answer):
    """Trials that learn from the same number of rows; null: from all there are to learn from."""

    rows: int | None = None
    trials: int
    ended: int


class Search(Job):
    """A search. `best` is of the last rung that has results; `stopped` says why it has not tried everything."""

    method: str
    by: str | None = None
    direction: str | None = None
    trials: Tally
    rungs: list[Rung] = []
    best: Best | None = None
    ends: str | None = None  # when its budget of seconds is used up
    stopped: str | None = None  # budget_seconds, or refused: see `problem`


class Trial(Answer):
    """One training of a search: an ordinary one, `id` is its own. `rank` counts within its rung, the best is 1."""

    id: str
    number: int
    rung: int
    rows: int | None = None
    rank: int | None = None
    state: JobState
    algorithm: str
    parameters: Document
    value: float | None = None
    measures: Document = {}
    seconds: float | None = None
    problem: str | None = None
    experiment: str | None = None
