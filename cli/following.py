"""Following jobs until they end: bars on a terminal, a line for each step elsewhere; all on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from cli.render import Output, short, text

if TYPE_CHECKING:
    from autolearn.aio.jobs import Job, JobEvent
    from common.contracts.jobs import Job as JobRecord


class Display(Protocol):
    """Shows what jobs do."""

    def show(self, job: Job, event: JobEvent) -> None:
        """Show one event of one job."""


def lead(event: JobEvent) -> str | None:
    """What to say when a trial has taken the lead."""
    if event.best is None:
        return None
    best = event.best.trial
    value = "-" if best.value is None else f"{best.value:.4g}"
    return (
        f"{event.best.ended} ended, best so far: {best.algorithm} {short(best.training)} with {event.best.by} {value}"
    )


class Lines:
    """A line for each new state or step: readable in a log file."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._last: dict[str, str] = {}

    def show(self, job: Job, event: JobEvent) -> None:
        """Say it, unless it was said just before."""
        if said_of_best := lead(event):
            self._out.note(said_of_best)
            return
        if event.progress is not None:
            said = event.progress.step
        elif event.state is not None:
            said = str(event.state)
        else:
            return
        if self._last.get(job.id) != said:
            self._last[job.id] = said
            self._out.note(f"{label(job.record)}: {text(said)}")


class Bars:
    """One bar a job."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._escape = escape
        self.progress = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks = {
            job.id: self.progress.add_task(str(job.state), total=None, label=escape(label(job.record))) for job in jobs
        }

    def show(self, job: Job, event: JobEvent) -> None:
        """Move the job's bar."""
        if said_of_best := lead(event):
            self.progress.console.print(self._escape(said_of_best))
            return
        task = self._tasks[job.id]
        if event.progress is not None:
            fraction = event.progress.fraction
            said = " ".join(part for part in (event.progress.step, event.progress.message) if part)
            if fraction is None:
                self.progress.update(task, description=self._escape(text(said)))
            else:
                self.progress.update(task, description=self._escape(text(said)), total=1.0, completed=fraction)
        elif event.state is not None:
            ahead = f", {event.ahead} in front of it" if event.ahead else ""
            self.progress.update(task, description=f"{event.state}{ahead}")
            if event.state.terminal:
                self.progress.update(task, total=1.0, completed=1.0)
                self.progress.stop_task(task)


def label(job: JobRecord) -> str:
    """What a job is called while it is followed, and in remarks about it."""
    return f"{job.kind} {job.algorithm or ''} {short(job.id)}".replace("  ", " ")


async def follow(out: Output, jobs: Sequence[Job], timeout: float | None, way_back: str) -> None:
    """Follow all jobs until all have ended; their records are then the final ones.

    Raises `WaitTimedOut` after `timeout` seconds. Ctrl-C ends the watching, not the jobs, and says how to
    come back.
    """
    from autolearn.failures import WaitTimedOut

    try:
        with _display(out, jobs) as display:
            async with asyncio.timeout(timeout), asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(_watch(job, display))
    except TimeoutError as error:
        open_jobs = " ".join(short(job.id) or "" for job in jobs if not job.state.terminal)
        raise WaitTimedOut(
            f"not finished after {timeout:g} s, the work goes on; come back with: {way_back} {open_jobs}"
        ) from error
    except asyncio.CancelledError:
        for job in jobs:
            if not job.state.terminal:
                sys.stderr.write(f"detached from {job.kind} {job.id}; it goes on\n")
        sys.stderr.write(f"come back with: {way_back} {' '.join(short(job.id) or '' for job in jobs)}\n")
        raise


async def _watch(job: Job, display: Display | None) -> None:
    while not job.state.terminal:
        async with contextlib.aclosing(job.progress()) as events:
            async for event in events:
                if display is not None:
                    display.show(job, event)
        await job.refresh()
        await job.settle()
    if job.result is None and job.problem is None:
        await job.refresh()


@contextlib.contextmanager
def _display(out: Output, jobs: Sequence[Job]) -> Iterator[Display | None]:
    if out.quiet:
        yield None
    elif sys.stderr.isatty():
        bars = Bars(jobs)
        with bars.progress:
            yield bars
    else:
        yield Lines(out)
