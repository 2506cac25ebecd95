"""`autolearn train`: train one or several algorithms on a dataset."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from autolearn.aio.jobs import Job

app = AsyncTyper()
_AT_ONCE = 16


@app.command()
async def train(
    run: Invocation,
    dataset: Annotated[
        str | None, typer.Argument(help="The dataset; asked for on a terminal.", autocompletion=completing.datasets)
    ] = None,
    algorithms: Annotated[
        list[str] | None,
        typer.Argument(metavar="ALGORITHM", help="What to train, all at once.", autocompletion=completing.algorithms),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="The column to predict.", autocompletion=completing.columns)
    ] = None,
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
        typer.Option(
            "--session",
            "-s",
            metavar="REF",
            help="Default: the one in use, else a new one.",
            autocompletion=completing.sessions,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="classification, regression, clustering, anomaly; default: inferred."),
    ] = None,
    features: Annotated[list[str] | None, typer.Option(help="Columns to learn from; A,B or repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Columns not to learn from; A,B or repeated.")] = None,
    prepare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL=CHOICE,…",
            help="How a column is prepared: mean, median, most_frequent, constant:VALUE; standard, minmax, robust,"
            " none; one_hot, ordinal, hashing; max_categories:N …; ignore. Repeatable.",
        ),
    ] = None,
    prepare_type: Annotated[
        list[str] | None,
        typer.Option(
            "--prepare-type",
            metavar="TYPE=CHOICE,…",
            help="The same for all columns of a type (number, integer, boolean, category, text). Repeatable.",
        ),
    ] = None,
    positive: Annotated[str | None, typer.Option(help="The positive class of two.")] = None,
    test_share: Annotated[float | None, typer.Option(help="Share of rows held out; default 0.25.")] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            "-m",
            metavar="NAME",
            help="Besides the usual ones; repeatable; all: every one.",
            autocompletion=completing.measures,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of split and algorithm; default 0.")] = None,
    time_limit: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 90s or 15m.")] = None,
    memory_limit: Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 512M or 2G.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every algorithm that fits, with the baseline, in one ranked table.")
    ] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Every combination of parameters that are lists: -p 'C=[0.1, 1, 10]'.")
    ] = False,
    draws: Annotated[
        int | None,
        typer.Option("--random", metavar="N", help="N draws from lists and ranges: -p C=0.01..100; by --seed."),
    ] = None,
    halves: Annotated[
        bool, typer.Option("--halving", help="A search on few rows first; only the best third goes on to more.")
    ] = False,
    by: Annotated[str | None, typer.Option(metavar="MEASURE", help="What a search ranks by; default: by task.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="DURATION", help="A search cancels what has not ended after so long.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--trials", metavar="N", min=1, help="A search ends after so many trainings.")
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw a search: a line for each trial across its parameters.")
    ] = False,
    pictures: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Draw a search: FILE.svg or FILE.png.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach/--wait", help="Do not wait for the end.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait; the job goes on after.")] = None,
    require: Annotated[str | None, typer.Option(metavar="EXPR", help="Such as: measures.f1 >= 0.9.")] = None,
) -> int:
    """Train algorithms on a dataset, and wait for them; with --all, --grid or --random many in one search, ranked.

    Without arguments, on a terminal, it asks for what is missing and prints the command that would have done
    the same.
    """
    from cli import asking, current, outcome, requirement, searching, values

    required = requirement.given(require)
    limits = {
        "time_limit": values.duration(time_limit) if time_limit else None,
        "memory_limit": values.size(memory_limit) if memory_limit else None,
    }
    searches = everything or grid or draws is not None
    if (by or budget or most or plot or pictures) and not searches:
        raise typer.BadParameter("--by, --budget, --trials, --plot and --out go with --all, --grid or --random")
    if detach and (plot or pictures):
        raise typer.BadParameter("--plot and --out wait for the trials; jobs wait --plot draws them later")
    drawing = searching.Drawing(plot, values.picture(pictures))
    if halves and not searches:
        raise typer.BadParameter("--halving goes with --grid, --random or --all")
    if (everything and algorithms) or (grid and draws is not None):
        raise typer.BadParameter("--all chooses the algorithms itself" if everything else "say --grid or --random")
    span = values.duration(budget) if budget else None
    async with run.client() as client:
        if not (dataset and (algorithms or everything)):
            if not run.interactive:
                raise typer.BadParameter("say DATASET and ALGORITHM (nobody can be asked here)")
            answers = await asking.training(client, dataset, algorithms or [], target)
            dataset, algorithms, target = answers
            run.out.note(f"the same without questions:\n  {_command(answers, parameters or [])}")
        if task is None and target is not None and run.interactive:
            task = await asking.task(client, dataset, target)
        if everything and parameters:
            raise typer.BadParameter("--all tries every algorithm with its defaults: -p goes with --grid or --random")
        algorithms = algorithms or []
        settings = values.parameters(parameters or [], algorithms)
        async with current.needed(run, client, session) as which:
            options: dict[str, Any] = {
                "session": which,
                "task": task,
                "features": values.names(features) if features else None,
                "exclude": values.names(exclude) if exclude else None,
                "preprocessing": _prepared(prepare, prepare_type),
                "positive_class": values.value(positive) if positive is not None else None,
                "measures": measures,
                "test_share": test_share,
                "seed": seed,
                **limits,
            }
            if searches:
                search = await client.search(
                    dataset,
                    None if everything else values.spaces(settings),
                    target,
                    draws=draws,
                    halving=halves,
                    by=by,
                    budget=span,
                    most_trials=most,
                    wait=False,
                    **options,
                )
                searching.accepted(run, search.record, told=task is not None)
                return await searching.settle(
                    run, search, detach=detach, timeout=timeout, required=required, drawing=drawing
                )
            jobs, refused = await _submit(client, dataset, target, settings, options)
            if jobs and task is None and (because := jobs[0].record.task_reason):
                run.out.note(
                    f"task: {(jobs[0].record.request or {}).get('task')}, because {because}; --task tells another"
                )
            return await outcome.settle(
                run,
                jobs,
                refused=refused,
                several=len(settings) > 1,
                detach=detach,
                timeout=timeout,
                required=required,
            )


def _prepared(columns: list[str] | None, types: list[str] | None) -> dict[str, Any] | None:
    """What was told of the preparation of columns; None if nothing was."""
    from cli import values

    told = {}
    if columns:
        told["columns"] = values.preparations(columns)
    if types:
        told["types"] = values.preparations(types, "--prepare-type")
    return told or None


async def _submit(
    client: Client,
    dataset: str,
    target: str | None,
    settings: Mapping[str, dict[str, Any]],
    options: dict[str, Any],
) -> tuple[list[Job], dict[str, Exception]]:
    """Ask for all trainings, several at a time: the jobs, and by algorithm why one was refused."""
    several = asyncio.Semaphore(_AT_ONCE)

    async def ask(algorithm: str, own: dict[str, Any]) -> Job:
        async with several:
            return await client.train(dataset, algorithm, target, parameters=own or None, wait=False, **options)

    asked = [ask(*told) for told in settings.items()]
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
