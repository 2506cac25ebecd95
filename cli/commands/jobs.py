"""`autolearn jobs`: watch trainings, evaluations and searches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from autolearn.aio.jobs import JobEvent
    from autolearn.aio.searches import Search
    from common.contracts.jobs import Job
    from common.contracts.searches import Search as SearchRecord

app = AsyncTyper(help="Watch trainings, evaluations and searches, cancel them, read their output.")

Ref = Annotated[
    str,
    typer.Argument(metavar="REF", help="An id, or at least 6 of its last characters.", autocompletion=completing.jobs),
]
Refs = Annotated[
    list[str],
    typer.Argument(metavar="REF", help="Ids, or at least 6 of their last characters.", autocompletion=completing.jobs),
]
Require = Annotated[str | None, typer.Option(metavar="EXPR", help="Such as: measures.f1 >= 0.9.")]


@app.command("list")
async def list_(
    run: Invocation,
    filter: Annotated[str | None, typer.Option(help="Over kind state session dataset algorithm created.")] = None,
    sort: Annotated[str | None, typer.Option(help="Field to sort by; -field: descending.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 50,
) -> None:
    """List jobs, newest first."""
    from cli.render import short, when

    async with run.client() as client:
        jobs = await client.jobs.list(filter=filter, sort=sort, limit=limit).all()
    if run.json:
        return run.out.document({"items": jobs})
    run.out.table(
        ["id", "kind", "state", "algorithm", "dataset", "session", "created", "ended"],
        [
            [
                short(job.id),
                job.kind,
                f"{job.state} ({job.removed})" if job.removed else str(job.state),
                job.algorithm,
                job.dataset,
                short(job.session),
                when(job.created),
                when(job.ended),
            ]
            for job in jobs
        ],
    )


@app.command()
async def show(
    run: Invocation,
    ref: Ref,
    pictures: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Draw its result: FILE.svg or FILE.png.")
    ] = None,
    require: Require = None,
) -> int:
    """Show one job: request, result or problem."""
    from cli import figures, outcome, requirement, searching, sketches, values
    from cli.render import size, text, when

    values.picture(pictures)
    required = requirement.given(require)
    async with run.client() as client:
        handle = await (await client.jobs.show(ref)).refresh()
        job, trials = handle.record, []
        if job.kind == "search":
            trials = await cast("Search", handle).trials().all()
    if run.json:
        run.out.document(job)
    else:
        result, request = job.result or {}, job.request or {}
        run.out.fields(
            {
                job.kind: job.id,
                "state": str(job.state),
                "algorithm": job.algorithm,
                "dataset": job.dataset,
                "of": job.training,
                "trial of": job.search,
                **_searched(job),
                "target": request.get("target"),
                "parameters": request.get("parameters"),
                "task": request.get("task"),
                "because": job.task_reason,
                "session": job.session,
                "experiment": job.experiment,
                "created": when(job.created),
                "started": when(job.started),
                "ended": when(job.ended),
                "attempt": job.attempt or None,
                "progress": job.progress and text(f"{job.progress.step} {job.progress.message}".strip()),
                "rows": result.get("rows") or _rows(result.get("split")),
                "averaging": result.get("averaging"),
                "positive": result.get("positive_class"),
                "artifact": (result.get("artifact") or {}).get("digest"),
                "memory": size((result.get("usage") or {}).get("peak_memory")),
                "versions": result.get("versions"),
                "learned": _learned(result.get("learned")),
                "trace": job.trace_id,
            }
        )
        if result:
            run.out.line("")
            figures.side_by_side(run.out, [job])
            figures.preprocessing(run.out, result)
            figures.intervals(run.out, result, "Intervals")
            figures.folds(run.out, result, "Folds")
            figures.groups(run.out, result)
            figures.confusion(run.out, result, "Confusion matrix")
            figures.per_class(run.out, result)
            sketches.draw(run.out, result)
            for remark in result.get("notes") or ():
                run.out.line(f"note: {text(remark)}")
        outcome.explain_failures([job])
        if trials:
            run.out.line("")
            searching.show(run, cast("SearchRecord", job), trials)
    if pictures:
        outcome.draw(run, [job], pictures)
    return required.check(run.out, [job]) if required else 0


@app.command()
async def follow(run: Invocation, refs: Refs) -> int:
    """Print what jobs do as it happens, until they end; with --json one event a line."""
    from cli import failures, following

    async with run.client() as client:
        jobs = [await client.jobs.show(ref) for ref in refs]

        async def watch(at: int) -> None:
            job = jobs[at]
            async for event in job.progress():
                if run.json:
                    run.out.ndjson({"id": job.id, **_as_json(event)})
                elif (said := _as_text(event)) is not None:
                    run.out.line(f"{following.label(job.record)}: {said}")

        async with asyncio.TaskGroup() as group:
            for at in range(len(jobs)):
                group.create_task(watch(at))
    return 0 if all(str(job.state) == "succeeded" for job in jobs) else failures.JOB_FAILED


@app.command()
async def wait(
    run: Invocation,
    refs: Refs,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait.")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw a search.")] = False,
    pictures: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Draw a search: FILE.svg or FILE.png.")
    ] = None,
    require: Require = None,
) -> int:
    """Wait for jobs, showing progress, and print their results; of one search its trials, ranked."""
    from cli import outcome, requirement, searching, values

    required = requirement.given(require)
    drawing = searching.Drawing(plot, values.picture(pictures))
    async with run.client() as client:
        jobs = [await (await client.jobs.show(ref)).refresh() for ref in refs]
        if len(jobs) == 1 and jobs[0].kind == "search":
            search = cast("Search", jobs[0])
            return await searching.settle(run, search, timeout=timeout, required=required, drawing=drawing)
        return await outcome.settle(run, jobs, several=len(refs) > 1, timeout=timeout, required=required)


@app.command()
async def cancel(run: Invocation, refs: Refs) -> None:
    """Ask jobs to stop; those that have ended stay as they are."""
    async with run.client() as client:
        jobs = [await (await client.jobs.show(ref)).cancel() for ref in refs]
    if run.json:
        records = [job.record for job in jobs]
        return run.out.document(records[0] if len(records) == 1 else {"items": records})
    for job in jobs:
        run.out.line(f"{job.id} {job.state}")


@app.command()
async def output(
    run: Invocation,
    ref: Ref,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until it ends.")] = False,
) -> None:
    """Print what a job printed."""
    async with run.client() as client:
        job = await client.jobs.show(ref)
        lines = []
        async for line in job.output(follow=follow):
            if not run.json:
                run.out.line(line)
            elif follow:
                run.out.ndjson({"id": job.id, "line": line})
            else:
                lines.append(line)
    if run.json and not follow:
        run.out.document({"id": job.id, "lines": lines})


@app.command()
async def artifact(
    run: Invocation,
    ref: Ref,
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write; default: ID.skops.")] = None,
    format: Annotated[
        str, typer.Option(help="skops, or onnx: converted here, and compared on the rows held out.")
    ] = "skops",
) -> None:
    """Save the trained model."""
    from cli import outcome, values

    values.artifact_format(format)
    async with run.client() as client:
        job = await (await client.jobs.show(ref)).refresh()
        if format == "onnx":
            path = Path(output or f"{job.id}.onnx")
            return outcome.converted(run, job.id, path, await job.onnx(path))
        path = await job.artifact(output or f"{job.id}.skops")
    if run.json:
        return run.out.document({"id": job.id, "path": str(path), "size": path.stat().st_size})
    run.out.line(str(path))


@app.command()
async def explain(run: Invocation, ref: Ref) -> None:
    """Say why a job is where it is: its place in the queue, or what failed and what to change."""
    from cli import explanation

    async with run.client() as client:
        job = await (await client.jobs.show(ref)).refresh()
        said = await explanation.explain(client, job.record)
    if run.json:
        return run.out.document(said)
    run.out.line(said["explanation"])
    for remark in said["remarks"]:
        run.out.line(f"  {remark}")


def _as_json(event: JobEvent) -> dict[str, object]:
    if event.state is not None:
        return {"event": "state", "state": str(event.state)}
    if event.progress is not None:
        return {"event": "progress", **event.progress.model_dump(mode="json")}
    if event.best is not None:
        return {"event": "best", "by": event.best.by, "ended": event.best.ended, **event.best.trial.model_dump()}
    return {"event": "output", "text": event.output}


def _as_text(event: JobEvent) -> str | None:
    from cli import following
    from cli.render import text

    if event.state is not None:
        return str(event.state)
    if event.progress is not None:
        share = f" {event.progress.fraction:.0%}" if event.progress.fraction is not None else ""
        return text(f"{event.progress.step}{share} {event.progress.message}".rstrip())
    return following.lead(event) or text((event.output or "").rstrip("\n"))


def _searched(job: Job) -> dict[str, object]:
    """What there is to say of a search besides."""
    if job.kind != "search":
        return {}
    search = cast("SearchRecord", job)
    tally, best = search.trials, search.best
    return {
        "method": search.method,
        "trials": f"{tally.ended} of {tally.planned} ended, {tally.failed} failed, {tally.cancelled} cancelled",
        "best": best and f"{best.algorithm} {best.training}",
        search.by or "by": best and best.value,
        "ends": search.ends and f"{search.ends} at the latest",
        "stopped": search.stopped,
    }


def _learned(learned: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of what was learned; lists and tables are in the artifact, the card and `--json`."""
    return {name: told for name, told in (learned or {}).items() if isinstance(told, (int, float, str))}


def _rows(split: dict[str, object] | None) -> str | None:
    if not split:
        return None
    shares = {"to learn": "train_rows", "held out": "test_rows", "dropped": "dropped_rows"}
    return ", ".join(f"{split[name]} {what}" for what, name in shares.items() if name in split)
