"""`autolearn train`: train one or several algorithms on a dataset."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from autolearn.aio.jobs import Job

app = AsyncTyper()


@app.command()
async def train(
    run: Invocation,
    dataset: Annotated[str | None, typer.Argument(help="The dataset; asked for on a terminal.")] = None,
    algorithms: Annotated[
        list[str] | None, typer.Argument(metavar="ALGORITHM", help="What to train, all at once.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", "-t", help="The column to predict.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="[ALGORITHM.]NAME=VALUE",
            help="VALUE is JSON, else text; repeatable.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", "-s", metavar="REF", help="Default: the one in use, else a new one."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="classification, regression, clustering, anomaly; default: inferred."),
    ] = None,
    features: Annotated[list[str] | None, typer.Option(help="Columns to learn from; A,B or repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Columns not to learn from; A,B or repeated.")] = None,
    positive: Annotated[str | None, typer.Option(help="The positive class of two.")] = None,
    test_share: Annotated[float | None, typer.Option(help="Share of rows held out; default 0.25.")] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option("--measure", "-m", metavar="NAME", help="Besides the usual ones; repeatable; all: every one."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split and algorithm; default 0.")] = None,
    time_limit: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 90s or 15m.")] = None,
    memory_limit: Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 512M or 2G.")] = None,
    detach: Annotated[bool, typer.Option("--detach/--wait", help="Do not wait for the end.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait; the job goes on after.")] = None,
    require: Annotated[str | None, typer.Option(metavar="EXPR", help="Such as: measures.f1 >= 0.9.")] = None,
) -> int:
    """Train algorithms on a dataset, and wait for them.

    Without arguments, on a terminal, it asks for what is missing and prints the command that would have done
    the same.
    """
    from cli import asking, current, outcome, requirement, values

    required = requirement.given(require)
    limits = {
        "time_limit": values.duration(time_limit) if time_limit else None,
        "memory_limit": values.size(memory_limit) if memory_limit else None,
    }
    async with run.client() as client:
        if not (dataset and algorithms):
            if not run.interactive:
                raise typer.BadParameter("say DATASET and ALGORITHM (nobody can be asked here)")
            answers = await asking.training(client, dataset, algorithms or [], target)
            dataset, algorithms, target = answers
            run.out.note(f"the same without questions:\n  {_command(answers, parameters or [])}")
        if task is None and target is not None and run.interactive:
            task = await asking.task(client, dataset, target)
        settings = values.parameters(parameters or [], algorithms)
        which = await current.needed(run, client, session)
        options: dict[str, Any] = {
            "session": which,
            "task": task,
            "features": values.names(features) if features else None,
            "exclude": values.names(exclude) if exclude else None,
            "positive_class": values.value(positive) if positive is not None else None,
            "measures": measures,
            "test_share": test_share,
            "seed": seed,
            **limits,
        }
        jobs, refused = await _submit(client, dataset, target, settings, options)
        if jobs and task is None and (because := jobs[0].record.task_reason):
            run.out.note(f"task: {(jobs[0].record.request or {}).get('task')}, because {because}; --task tells another")
        return await outcome.settle(
            run,
            jobs,
            refused=refused,
            several=len(algorithms) > 1,
            detach=detach,
            timeout=timeout,
            required=required,
        )


async def _submit(
    client: Client,
    dataset: str,
    target: str | None,
    settings: dict[str, dict[str, Any]],
    options: dict[str, Any],
) -> tuple[list[Job], dict[str, Exception]]:
    """Ask for all trainings at once: the jobs, and by algorithm why one was refused."""
    asked = [
        client.train(dataset, algorithm, target, parameters=own or None, wait=False, **options)
        for algorithm, own in settings.items()
    ]
    jobs, refused = [], {}
    for algorithm, answer in zip(settings, await asyncio.gather(*asked, return_exceptions=True), strict=True):
        if isinstance(answer, Exception):
            refused[algorithm] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            jobs.append(answer)
    return jobs, refused


def _command(answers: tuple[str, list[str], str | None], parameters: list[str]) -> str:
    dataset, algorithms, target = answers
    words = ["autolearn", "train", dataset, *algorithms]
    if target:
        words += ["--target", target]
    for parameter in parameters:
        words += ["-p", parameter]
    return shlex.join(words)
