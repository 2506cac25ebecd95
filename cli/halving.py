"""`train --halving`: many candidates learn from few rows, the best third of each rung from three times as many."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli import failures, searching
from cli.invocation import Invocation
from cli.render import short

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from autolearn.aio.jobs import Job
    from cli.requirement import Requirement

Trial = tuple[str, dict[str, Any]]
Submit = Callable[[list[Trial], int | None], Awaitable[tuple[list["Job"], Mapping[str, Exception]]]]
"""Asks for trainings of trials on at most so many rows (None: all): the jobs, and by algorithm why one was refused."""


async def rows_to_learn(client: Client, dataset: str, target: str | None, test_share: float | None) -> int:
    """How many rows of a dataset a training learns from."""
    version = await client.datasets.show(dataset)
    missing = sum(column.missing for column in version.columns if column.name == target)
    known = version.rows - missing
    return known - math.ceil(known * (0.25 if test_share is None else test_share))


async def search(
    run: Invocation,
    submit: Submit,
    trials: Sequence[Trial],
    rows: int,
    *,
    by: str | None,
    budget: int | None,
    required: Requirement | None,
    drawing: searching.Drawing = searching.NOTHING,
) -> int:
    """Train rung by rung, at most `budget` seconds in all, and rank the last; gives the exit code."""
    from autolearn import search as searches

    ends = None if budget is None else time.monotonic() + budget
    plan = searches.rungs(len(trials), rows)
    if len(plan) == 1:
        run.out.note(f"{len(trials)} trials and {rows} rows are too few for rungs: all learn from all rows")
    going, told = list(trials), []
    for number, (count, limit) in enumerate(plan, 1):
        going = going[:count]
        jobs, refused = await submit(going, limit)
        for about, error in refused.items():
            failures.problem(error, about)
        if not jobs:
            return failures.REFUSED
        measure = searching.measure_of(jobs[0], by)
        run.out.note(f"rung {number} of {len(plan)}: {len(jobs)} trials learn from {limit or rows} rows")
        left = None if ends is None else max(0.0, ends - time.monotonic())
        in_time = await searching.see_through(run, jobs, measure, left)
        ranked = searches.ranked([job.record for job in jobs], measure)
        told.append({"rows": limit or rows, "trials": [record.id for record in ranked]})
        if not in_time or number == len(plan):
            break
        going = [_trial(record) for record in ranked if str(record.state) == "succeeded"]
        if not going:
            break
        out = len(ranked) - min(len(going), plan[number][0])
        run.out.note(f"{out} trials end here; the best is {short(ranked[0].id)}")
    return searching.conclude(run, ranked, measure, required, {"rungs": told}, drawing)


def _trial(record: Any) -> Trial:
    return record.algorithm, dict((record.request or {}).get("parameters") or {})
