"""Searches: followed with the best so far, then all trials in one ranked table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import failures, following, outcome
from cli.invocation import Invocation
from cli.render import short, text

if TYPE_CHECKING:
    from autolearn.aio.searches import Search
    from cli.requirement import Requirement
    from common.contracts.searches import Search as SearchRecord
    from common.contracts.searches import Trial

_REMARKS = 3
_STOPPED = {
    "budget_seconds": "the budget of time was used up: what had not ended was cancelled",
    "refused": "a trial was refused, so no more were tried",
    "session_gone": "its session has ended",
}


@dataclass(frozen=True)
class Drawing:
    """What to draw of a search when it has ended: in the terminal, and into a file."""

    plot: bool = False
    path: str | None = None


NOTHING = Drawing()


async def settle(
    run: Invocation,
    search: Search,
    *,
    detach: bool = False,
    timeout: float | None = None,
    required: Requirement | None = None,
    drawing: Drawing = NOTHING,
) -> int:
    """See a search through and show its trials; gives the exit code: 0 if one succeeded and meets the requirement."""
    if detach:
        run.out.note(f"search {search.id} is {search.state}; follow it with: {outcome.WAY_BACK} {short(search.id)}")
        if run.json:
            run.out.document(search.record)
        else:
            run.out.line(search.id)
        return 0
    try:
        await following.follow(run.out, [search], timeout, outcome.WAY_BACK)
        await search.refresh()
        trials = await search.trials().all()
    except BaseException:  # an interruption above all; it goes on as what it is
        if run.json:  # a script gets the id in any case
            run.out.document(search.record)
        raise
    if run.json:
        run.out.document({"search": search.record, "by": search.record.by, "items": trials})
    else:
        show(run, search.record, trials, plot=drawing.plot)
    if drawing.path:
        _draw(run, search.record, trials, drawing.path)
    if str(search.state) != "succeeded":
        failures.say(_why(search.record))
        return failures.JOB_FAILED
    best = [one for one in trials if search.best and one.id == search.best.training]
    return required.check(run.out, best) if required else 0


def show(run: Invocation, search: SearchRecord, trials: Sequence[Trial], *, plot: bool = False) -> None:
    """The trials in one table, and what is remarkable about them."""
    _table(run, search, trials)
    if plot:
        from autolearn import side_by_side
        from cli import coordinates

        coordinates.draw(run.out, side_by_side.trials(_last_rung(trials), search.by or ""))
    if search.stopped:
        run.out.note(f"note: {_STOPPED.get(search.stopped, search.stopped)}")
    if search.trials.left_out:
        run.out.note(f"note: {search.trials.left_out} more trials were left out, as the budget says")
    for trial in [one for one in trials if one.problem][:_REMARKS]:
        failures.say(f"{trial.algorithm} {short(trial.id)} {trial.state}: {text(trial.problem)}")
    if sum(one.value is not None for one in trials) > 1:
        run.out.note(
            "note: the rows that rank also chose the best, whose figure is a little flattered by that; other rows"
            " (evaluate --dataset) tell more"
        )


def accepted(run: Invocation, search: SearchRecord, *, told: bool) -> None:
    """Say what a search that was just accepted is about; `told` that its task was said."""
    if not told and search.task_reason:
        run.out.note(f"task: {(search.request or {}).get('task')}, because {search.task_reason}; --task tells another")
    planned = search.trials.planned
    if len(search.rungs) and search.rungs[0].trials < planned:
        run.out.note(f"{search.rungs[0].trials} trials begin, {planned} trainings in all")


def _table(run: Invocation, search: SearchRecord, trials: Sequence[Trial]) -> None:
    """One row a training, the best first; of the hyper-parameters those that differ between those of an algorithm."""
    told = [_told(trial, trials) for trial in trials]
    names = list(dict.fromkeys(name for each in trials for name in each.measures))
    others = [name for name in names if name != search.by]
    shown = ["parameters"] if any(told) else []
    rungs = ["rows"] if len(search.rungs) > 1 else []
    run.out.table(
        ["", "job", "algorithm", *shown, *rungs, search.by or "", *others, "seconds"],
        [
            [
                trial.rank,
                short(trial.id),
                trial.algorithm if str(trial.state) == "succeeded" else f"{trial.algorithm} ({trial.state})",
                *([given] if shown else []),
                *([trial.rows or "all"] if rungs else []),
                trial.value,
                *(trial.measures.get(name) for name in others),
                trial.seconds,
            ]
            for trial, given in zip(trials, told, strict=True)
        ],
        title=f"Ranked by {search.by}",
        strong=[(0, column) for column in range(4 + len(shown))],
    )


def _draw(run: Invocation, search: SearchRecord, trials: Sequence[Trial], path: str) -> None:
    from autolearn import side_by_side

    ranked = _last_rung(trials)
    picture = side_by_side.trials(ranked, search.by or "").picture()
    outcome.write(run, [picture], f"Search of {len(ranked)} trials", path)


def _last_rung(trials: Sequence[Trial]) -> list[Trial]:
    """Those of the last rung that has results: measures of more and of fewer rows are not to be compared."""
    last = max((one.rung for one in trials if one.value is not None), default=0)
    return [one for one in trials if one.rung == last]


def _why(search: SearchRecord) -> str:
    detail = text(search.problem.get("detail")) if search.problem else _STOPPED.get(search.stopped or "", "")
    return f"search {short(search.id)} {search.state}" + (f": {detail}" if detail else "")


def _told(trial: Trial, trials: Sequence[Trial]) -> str:
    alike: list[Mapping[str, Any]] = [one.parameters for one in trials if one.algorithm == trial.algorithm]
    own = trial.parameters
    return " ".join(f"{name}={own[name]}" for name in own if len({repr(one.get(name)) for one in alike}) > 1)
