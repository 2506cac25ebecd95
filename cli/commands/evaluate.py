"""`autolearn evaluate`: measure trained models."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

app = AsyncTyper()


@app.command()
async def evaluate(
    run: Invocation,
    trainings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TRAINING",
            help="Default: every succeeded training of the session.",
            autocompletion=completing.trainings,
        ),
    ] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option("--measure", "-m", metavar="NAME", help="Repeatable.", autocompletion=completing.measures),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Other rows; default: those held out of the training.",
            autocompletion=completing.datasets,
        ),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(metavar="LEVEL", help="Bootstrap intervals of the measures, such as 0.95.")
    ] = None,
    resamples: Annotated[int | None, typer.Option(min=100, help="Resamples for the intervals; default 1000.")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Cross-validate: train anew on each of N folds.")] = None,
    groups: Annotated[str | None, typer.Option(metavar="COLUMN", help="Folds keep rows of a group together.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="Folds learn from earlier rows only.")] = None,
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Train anew on growing shares of the rows of each fold.")
    ] = False,
    importance: Annotated[
        bool,
        typer.Option("--permutation-importance", help="How much worse a measure gets when a column is shuffled."),
    ] = False,
    dependence: Annotated[
        bool, typer.Option("--partial-dependence", help="What the model answers on average by a column's value.")
    ] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--column", metavar="NAME", help="Columns for these two; A,B or repeated.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", "-s", metavar="REF", help="The session.", autocompletion=completing.sessions),
    ] = None,
    time_limit: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 90s or 15m.")] = None,
    memory_limit: Annotated[str | None, typer.Option(metavar="SIZE", help="Such as 512M or 2G.")] = None,
    detach: Annotated[bool, typer.Option("--detach/--wait", help="Do not wait for the end.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait; the job goes on after.")] = None,
    pictures: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Draw what was found: FILE.svg or FILE.png.")
    ] = None,
    require: Annotated[str | None, typer.Option(metavar="EXPR", help="Such as: measures.f1 >= 0.9.")] = None,
) -> int:
    """Measure trained models, on the rows held out or on another dataset."""
    from cli import current, outcome, requirement, values

    required = requirement.given(require)
    if groups is not None and time is not None:
        raise typer.BadParameter("say --groups or --time, not both")
    if resamples is not None and confidence is None:
        raise typer.BadParameter("--resamples goes with --confidence LEVEL")
    if columns and not (importance or dependence):
        raise typer.BadParameter("--column goes with --permutation-importance or --partial-dependence")
    if detach and pictures:
        raise typer.BadParameter("--out waits for what is to be drawn; jobs show --out draws it later")
    values.picture(pictures)
    named = {"columns": values.names(columns)} if columns else True
    seconds = values.duration(time_limit) if time_limit else None
    memory = values.size(memory_limit) if memory_limit else None
    async with run.client() as client:
        chosen = list(trainings or [])
        if not chosen:
            which = current.told(run, session)
            if which is None:
                raise typer.BadParameter("no session is in use; say which TRAINING to evaluate, or --session")
            held = await client.sessions.records(which).all()
            chosen = [r.job for r in held if r.kind == "training" and r.state == "succeeded"]
            if not chosen:
                raise typer.BadParameter("the session has no succeeded training to evaluate")
        answers = await asyncio.gather(
            *(
                client.evaluate(
                    each,
                    values.names(measures) if measures else None,
                    dataset=dataset,
                    confidence=confidence,
                    resamples=resamples,
                    folds=folds,
                    groups=groups,
                    time=time,
                    learning_curve=learning_curve,
                    permutation_importance=named if importance else False,
                    partial_dependence=named if dependence else False,
                    time_limit=seconds,
                    memory_limit=memory,
                    wait=False,
                )
                for each in chosen
            ),
            return_exceptions=True,
        )
        jobs = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = {each: answer for each, answer in zip(chosen, answers, strict=True) if isinstance(answer, Exception)}
        code = await outcome.settle(
            run,
            jobs,
            refused=refused,
            several=len(trainings or []) != 1,
            detach=detach,
            timeout=timeout,
            required=required,
        )
    if pictures:
        outcome.draw(run, [job.record for job in jobs], pictures)
    return code
