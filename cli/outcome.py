"""What `train`, `evaluate` and `jobs wait` have in common: follow the jobs, show what came out, choose the
exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import failures, figures, following, sketches
from cli.invocation import Invocation
from cli.render import short, text

if TYPE_CHECKING:
    from autolearn.aio.jobs import Job
    from autolearn.plots import Picture
    from cli.requirement import Requirement
    from common.contracts.jobs import Job as JobRecord
    from common.contracts.sessions import Comparison

WAY_BACK = "autolearn jobs wait"


async def settle(
    run: Invocation,
    jobs: Sequence[Job],
    *,
    refused: Mapping[str, Exception] | None = None,
    several: bool = False,
    detach: bool = False,
    timeout: float | None = None,
    required: Requirement | None = None,
) -> int:
    """See the jobs through; gives the exit code. `several`: the JSON document is a list even of one job."""
    if refused and not jobs and len(refused) == 1:
        raise next(iter(refused.values()))
    for about, error in _by_reason(refused or {}):
        failures.problem(error, about)
    try:
        if detach:
            for job in jobs:
                run.out.note(f"{job.kind} {job.id} is {job.state}; follow it with: {WAY_BACK} {short(job.id)}")
        elif jobs:
            await following.follow(run.out, jobs, timeout, WAY_BACK)
    finally:
        # Also when waiting timed out: a script that asked for JSON gets the ids in any case.
        if run.json:
            records = [job.record for job in jobs]
            run.out.document({"items": records} if several or len(records) != 1 else records[0])
    records = [job.record for job in jobs]
    if not run.json:
        if detach:
            for record in records:
                run.out.line(record.id)
        elif records:
            show(run, records)
    if detach:
        return failures.REFUSED if refused else 0
    return _code(run, records, bool(refused), required)


def _by_reason(refused: Mapping[str, Exception]) -> list[tuple[str, Exception]]:
    """The refusals, those of one and the same reason as one."""
    from common import errors

    found: dict[object, tuple[list[str], Exception]] = {}
    for about, error in refused.items():
        flaws = error.flaws if isinstance(error, errors.AutoLearnError) else ()
        found.setdefault((str(error), flaws), ([], error))[0].append(about)
    return [(", ".join(names), error) for names, error in found.values()]


def show(run: Invocation, records: Sequence[JobRecord]) -> None:
    """The results side by side, and of evaluations their confusion matrices.

    Of failed jobs what to change; on stderr what is remarkable about results, such as a measure that is undefined.
    """
    figures.side_by_side(run.out, records)
    for record in records:
        if record.kind == "evaluation":
            whose = f"{record.algorithm or 'training'} {short(record.training) or ''}".rstrip()
            figures.intervals(run.out, record.result or {}, f"Intervals of {whose}")
            figures.folds(run.out, record.result or {}, f"Folds of {whose}")
            figures.confusion(run.out, record.result or {}, f"Confusion matrix of {whose}")
            sketches.looks(run.out, record.result or {})
    _remark(run, records)
    explain_failures(records)


def draw(run: Invocation, records: Sequence[JobRecord], path: str) -> None:
    """Write what there is to draw of results to one file, and say where it is."""
    from autolearn import plots

    several = len(records) > 1
    drawn = [
        plots.Picture(f"{short(record.id)}: {one.title}" if several else one.title, one.drawn)
        for record in records
        for one in plots.pictures(record.result or {})
    ]
    write(run, drawn, ", ".join(f"{record.algorithm or record.kind} {short(record.id)}" for record in records), path)


def compared(run: Invocation, found: Comparison, *, everything: bool, plot: bool, pictures: str | None) -> None:
    """Show what was compared, drawn too with `plot`, and in the file `pictures`."""
    if run.json:
        run.out.document(found)
    else:
        figures.comparison(run.out, found, everything=everything)
        if plot:
            _plot(run, found)
    if pictures:
        _draw_comparison(run, found, pictures)


def _plot(run: Invocation, compared: Comparison) -> None:
    """Draw in the terminal what was compared: a bar for each measure of each, and where the best ones are."""
    from autolearn import side_by_side
    from cli import coordinates

    sketches.comparison(run.out, compared)
    if trials := side_by_side.compared_trials(compared):
        coordinates.draw(run.out, trials)


def _draw_comparison(run: Invocation, compared: Comparison, path: str) -> None:
    """Write the same to one file."""
    from autolearn import side_by_side

    drawn = side_by_side.comparison(compared)
    trials = side_by_side.compared_trials(compared)
    if trials and len(trials.axes()) > 1:
        drawn.append(trials.picture())
    write(run, drawn, f"{len(compared.ids)} compared", path)


def converted(run: Invocation, identifier: str, path: Path, report: Mapping[str, Any]) -> None:
    """Say where an ONNX model is, and how well it agrees with the one it was made of."""
    if run.json:
        return run.out.document({"id": identifier, "path": str(path), **report})
    run.out.line(str(path))
    same = report["rows"] - report["different"]
    largest = text(report["largest_difference"])
    run.out.note(f"answers the same for {same} of {report['rows']} rows held out; largest difference {largest}")


def write(run: Invocation, pictures: Sequence[Picture], about: str, path: str) -> None:
    """Write pictures to a file; where it is, stderr says, for stdout has the figures."""
    from autolearn import sheet

    run.out.note(f"drawn: {sheet.write(path, pictures, about)}")


def _remark(run: Invocation, records: Sequence[JobRecord]) -> None:
    """Say on stderr what is remarkable about results, once for all jobs of which it is true."""
    about: dict[str, list[str]] = {}
    for record in records:
        for remark in (record.result or {}).get("notes") or ():
            about.setdefault(text(remark), []).append(short(record.id) or "")
    for remark, ids in about.items():
        run.out.note(f"note: {remark}" + (f" ({' '.join(ids)})" if len(ids) < len(records) else ""))


def explain_failures(records: Sequence[JobRecord]) -> None:
    """Say on stderr why jobs failed."""
    for record in records:
        if record.problem:
            failures.say(f"{following.label(record)} {record.state}: {text(record.problem.get('detail'))}")


def _code(run: Invocation, records: Sequence[JobRecord], refused: bool, required: Requirement | None) -> int:
    if refused:
        return failures.REFUSED
    ended_well = all(str(record.state) == "succeeded" for record in records)
    if run.json:
        explain_failures(records)
    if not ended_well:
        return failures.JOB_FAILED
    return required.check(run.out, records) if required else 0
