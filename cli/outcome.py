"""What `train`, `evaluate` and `jobs wait` have in common: follow the jobs, show what came out, choose the
exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli import failures, figures, following
from cli.invocation import Invocation
from cli.render import short, text

if TYPE_CHECKING:
    from autolearn.aio.jobs import Job
    from cli.requirement import Requirement
    from common.contracts.jobs import Job as JobRecord

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
    for about, error in (refused or {}).items():
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


def show(run: Invocation, records: Sequence[JobRecord]) -> None:
    """The results side by side, and of evaluations their confusion matrices.

    Of failed jobs what to change.
    """
    figures.side_by_side(run.out, records)
    for record in records:
        if record.kind == "evaluation":
            whose = f"{record.algorithm or 'training'} {short(record.training) or ''}".rstrip()
            figures.confusion(run.out, record.result or {}, f"Confusion matrix of {whose}")
    explain_failures(records)


def explain_failures(records: Sequence[JobRecord]) -> None:
    """Say on stderr why jobs failed."""
    for record in records:
        if record.problem:
            about = f"{record.kind} {record.algorithm or ''} {short(record.id)}".replace("  ", " ")
            failures.say(f"{about} {record.state}: {text(record.problem.get('detail'))}")


def _code(run: Invocation, records: Sequence[JobRecord], refused: bool, required: Requirement | None) -> int:
    if refused:
        return failures.REFUSED
    ended_well = all(str(record.state) == "succeeded" for record in records)
    if run.json:
        explain_failures(records)
    if not ended_well:
        return failures.JOB_FAILED
    return required.check(run.out, records) if required else 0
