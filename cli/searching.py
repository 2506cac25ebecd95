"""Many trainings in one command: the best so far while they run, then all of them in one ranked table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import failures, figures, outcome
from cli.invocation import Invocation
from cli.render import short

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from autolearn.aio.jobs import Job
    from cli.requirement import Requirement

BY = {"classification": "balanced_accuracy", "regression": "r2", "clustering": "silhouette", "anomaly": "silhouette"}
"""What trainings of a task are ranked by unless another measure is told."""
_REMARKS = 3


@dataclass(frozen=True)
class Drawing:
    """What to draw of a search when it has ended: in the terminal, and into a file."""

    plot: bool = False
    path: str | None = None


NOTHING = Drawing()


class _BestSoFar:
    """Says which training leads whenever another takes the lead."""

    def __init__(self, run: Invocation, by: str, count: int) -> None:
        self._run, self._by, self._count = run, by, count
        self._ended: dict[str, Job] = {}
        self._best: str | None = None

    def ended(self, job: Job) -> None:
        from autolearn import search

        self._ended[job.id] = job
        best = search.ranked([one.record for one in self._ended.values()], self._by)[0]
        value = figures.measures(best).get(self._by)
        if value is not None and best.id != self._best:
            self._best = best.id
            what = f"{best.algorithm} {short(best.id)}"
            self._run.out.note(
                f"{len(self._ended)}/{self._count} ended, best so far: {what} with {self._by} {value:.4g}"
            )


async def fitting(client: Client, first: Job) -> list[str]:
    """The curated algorithms for the task of a training, but its own."""
    task = (first.record.request or {})["task"]
    return [
        one.name async for one in client.algorithms.list() if task in one.tasks and one.name != first.record.algorithm
    ]


async def settle(
    run: Invocation,
    jobs: Sequence[Job],
    refused: Mapping[str, Exception],
    *,
    by: str | None,
    budget: int | None,
    required: Requirement | None,
    drawing: Drawing = NOTHING,
) -> int:
    """See the trainings through, at most `budget` seconds (what has not ended then is cancelled), and rank them.

    Gives the exit code: 0 if one succeeded and the best meets the requirement.
    """
    from autolearn import search

    for about, error in refused.items():
        failures.problem(error, about)
    if not jobs:
        return failures.REFUSED
    measure = measure_of(jobs[0], by)
    await see_through(run, jobs, measure, budget)
    return conclude(run, search.ranked([job.record for job in jobs], measure), measure, required, drawing=drawing)


def measure_of(job: Job, by: str | None) -> str:
    """What trainings like this one are ranked by."""
    return by or BY[(job.record.request or {})["task"]]


async def see_through(run: Invocation, jobs: Sequence[Job], measure: str, budget: float | None) -> bool:
    """Wait until all have ended, at most `budget` seconds; then cancel what has not, and say False."""
    display = _BestSoFar(run, measure, len(jobs))
    try:
        async with asyncio.timeout(budget), asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(_see(job, display))
    except TimeoutError:
        late = [job for job in jobs if not job.state.terminal]
        run.out.note(f"the budget is used up: {len(late)} trainings are cancelled")
        await asyncio.gather(*(job.cancel() for job in late))
        await asyncio.gather(*(job.wait() for job in late))
        return False
    except asyncio.CancelledError:
        failures.say(f"detached; come back with: {outcome.WAY_BACK} {' '.join(short(job.id) or '' for job in jobs)}")
        raise
    return True


def conclude(
    run: Invocation,
    ranked: Sequence[Any],
    measure: str,
    required: Requirement | None,
    more: Mapping[str, Any] | None = None,
    drawing: Drawing = NOTHING,
) -> int:
    """Show the ranked records (`more` goes into the JSON document); gives the exit code."""
    from autolearn import side_by_side
    from cli import coordinates

    if run.json:
        run.out.document({"by": measure, "items": ranked, **(more or {})})
    else:
        _table(run, ranked, measure)
        if drawing.plot:
            coordinates.draw(run.out, side_by_side.trials(ranked, measure))
        outcome.explain_failures([one for one in ranked if one.problem][:_REMARKS])
    if drawing.path:
        picture = side_by_side.trials(ranked, measure).picture()
        outcome.write(run, [picture], f"Search of {len(ranked)} trials", drawing.path)
    if str(ranked[0].state) != "succeeded":
        return failures.JOB_FAILED
    return required.check(run.out, ranked[:1]) if required else 0


async def _see(job: Job, display: _BestSoFar) -> None:
    await job.wait()
    display.ended(job)


def _table(run: Invocation, ranked: Sequence[Any], measure: str) -> None:
    """One row a training, the best first; of the hyper-parameters those that differ between those of an algorithm."""
    told = [_told(record, ranked) for record in ranked]
    found = [figures.measures(record) for record in ranked]
    others = [name for name in dict.fromkeys(name for each in found for name in each) if name != measure]
    shown = ["parameters"] if any(told) else []
    run.out.table(
        ["", "job", "algorithm", *shown, measure, *others, "seconds"],
        [
            [
                position if each.get(measure) is not None else None,
                short(record.id),
                record.algorithm if str(record.state) == "succeeded" else f"{record.algorithm} ({record.state})",
                *([given] if shown else []),
                each.get(measure),
                *(each.get(name) for name in others),
                figures.seconds(record),
            ]
            for position, (record, given, each) in enumerate(zip(ranked, told, found, strict=True), 1)
        ],
        title=f"Ranked by {measure}",
        strong=[(0, column) for column in range(4 + len(shown))],
    )
    if len(ranked) > 1:
        run.out.note(
            "note: the rows that rank also chose the best, whose figure is a little flattered by that; other rows"
            " (evaluate --dataset) tell more"
        )


def _told(record: Any, ranked: Sequence[Any]) -> str:
    alike = [(one.request or {}).get("parameters") or {} for one in ranked if one.algorithm == record.algorithm]
    own = (record.request or {}).get("parameters") or {}
    return " ".join(f"{name}={own[name]}" for name in own if len({repr(one.get(name)) for one in alike}) > 1)
