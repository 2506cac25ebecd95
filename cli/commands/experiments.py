"""`autolearn experiments`: what was committed."""

from __future__ import annotations

import asyncio
import collections
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from common.contracts.experiments import Experiment

app = AsyncTyper(help="What was committed: find, compare, tag, export.")

Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="An id, or at least 6 of its last characters.", autocompletion=completing.experiments
    ),
]
Filter = Annotated[
    str | None,
    typer.Option(help='Such as: algorithm = svm and measures.f1 > 0.9 and tags ~ "best".'),
]
Sort = Annotated[str | None, typer.Option(help="Field to sort by; -measures.f1: best first.")]

Pictures = Annotated[str | None, typer.Option("--out", metavar="FILE", help="Draw it: FILE.svg or FILE.png.")]


_MEASURES = 6


@app.command("list")
async def list_(
    run: Invocation,
    filter: Filter = None,
    sort: Sort = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 50,
) -> None:
    """List experiments, newest first."""
    from cli.render import short, when

    async with run.client() as client:
        found = await client.experiments.list(filter=filter, sort=sort, limit=limit).all()
    if run.json:
        return run.out.document({"items": found})
    # Those that most have, so that one experiment of another task does not hide what the others share.
    counted = collections.Counter(name for each in found for name in each.measures)
    measures = [name for name, _ in counted.most_common(_MEASURES)]
    run.out.table(
        ["id", "name", "algorithm", "target", *measures, "tags", "committed"],
        [
            [
                short(each.id),
                each.name,
                each.algorithm,
                each.target,
                *(each.measures.get(name) for name in measures),
                each.tags,
                when(each.committed),
            ]
            for each in found
        ],
    )


@app.command()
async def show(
    run: Invocation,
    ref: Ref,
    pictures: Pictures = None,
    require: Annotated[str | None, typer.Option(metavar="EXPR", help="Such as: measures.f1 >= 0.9.")] = None,
) -> int:
    """Show one experiment completely."""
    from cli import outcome, requirement, values

    required = requirement.given(require)
    values.picture(pictures)
    async with run.client() as client:
        found = await client.experiments.show(ref)
    _show(run, found)
    if pictures:
        from autolearn import plots

        results = [evaluation.get("result") or {} for evaluation in found.evaluations]
        outcome.write(run, [one for result in results for one in plots.pictures(result)], found.name, pictures)
    return required.check(run.out, [found]) if required else 0


@app.command()
async def compare(
    run: Invocation,
    refs: Annotated[
        list[str], typer.Argument(metavar="REF", help="The experiments.", autocompletion=completing.experiments)
    ],
    everything: Annotated[bool, typer.Option("--all", help="Parameters and digests too.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw measures and hyper-parameters too.")] = False,
    pictures: Pictures = None,
) -> None:
    """Put experiments side by side."""
    from cli import outcome, values

    values.picture(pictures)
    async with run.client() as client:
        found = await client.experiments.compare(*refs)
    outcome.compared(run, found, everything=everything, plot=plot, pictures=pictures)


@app.command()
async def tag(
    run: Invocation,
    ref: Ref,
    tags: Annotated[list[str] | None, typer.Argument(metavar="TAG", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag to remove; repeatable.")] = None,
) -> None:
    """Add tags to an experiment, or remove some."""
    if not (tags or remove):
        raise typer.BadParameter("say which TAG to add, or --remove")
    async with run.client() as client:
        found = await client.experiments.tag(ref, *(tags or ()), remove=remove or ())
    _show(run, found)


@app.command()
async def note(
    run: Invocation, ref: Ref, text: Annotated[str, typer.Argument(help="The note; it replaces the old one.")]
) -> None:
    """Write a note on an experiment."""
    async with run.client() as client:
        found = await client.experiments.note(ref, text)
    _show(run, found)


@app.command()
async def export(
    run: Invocation,
    format: Annotated[str, typer.Option(help="json or csv.")] = "json",
    filter: Filter = None,
    sort: Sort = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write; default: stdout.")] = None,
) -> None:
    """Export experiments as JSON or CSV."""
    if run.json and not output and format != "json":
        raise typer.BadParameter("--json wants JSON on stdout; write the CSV to a file with --output")
    async with run.client() as client:
        if output is None or output == "-":
            return await client.experiments.write(sys.stdout.buffer, format=format, filter=filter, sort=sort)
        path = await client.experiments.export(output, format=format, filter=filter, sort=sort)
    if run.json:
        return run.out.document({"path": str(path), "size": path.stat().st_size})
    run.out.line(str(path))


@app.command()
async def reproduce(
    run: Invocation,
    ref: Ref,
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            "-s",
            metavar="REF",
            help="Keep the new training here; default: it is thrown away.",
            autocompletion=completing.sessions,
        ),
    ] = None,
) -> int:
    """Train again from the record, and say whether the same comes out; exit code 7 if not."""
    from autolearn.aio import reproduction
    from cli import failures
    from cli.render import short

    async with run.client() as client:
        found = await reproduction.reproduce(client, ref, session=session)
    if run.json:
        run.out.document(found)
    else:
        run.out.line(f"{found['verdict']}: {found['experiment']}, trained again as {short(found['training'])}")
        differing = [[one["what"], one["then"], one["now"]] for one in found["differences"]]
        if differing:
            run.out.table(["what differs", "then", "now"], differing)
        for remark in found["notes"]:
            run.out.note(f"note: {remark}")
    return 0 if found["verdict"] == reproduction.SAME else failures.NOT_MET


@app.command()
async def card(
    run: Invocation,
    ref: Ref,
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write; default: stdout.")] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it as one HTML page instead, with plots of evaluations.")
    ] = None,
) -> None:
    """Write the model card of an experiment, as Markdown or as an HTML page."""
    from pathlib import Path

    from autolearn import card

    async with run.client() as client:
        found = await client.experiments.show(ref)
    written, output = (card.markdown(found), output) if html is None else (card.page(found), html)
    if output is None or output == "-":
        if run.json:
            return run.out.document({"card": written})
        return run.out.line(written.rstrip())
    await asyncio.to_thread(Path(output).write_text, written, encoding="utf-8")
    if run.json:
        return run.out.document({"path": output})
    run.out.line(output)


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
    from pathlib import Path

    from cli import outcome, values

    values.artifact_format(format)
    async with run.client() as client:
        found = await client.experiments.show(ref)
        if format == "onnx":
            path = Path(output or f"{found.id}.onnx")
            return outcome.converted(run, found.id, path, await client.experiments.onnx(found.id, path))
        path = await client.experiments.artifact(found, output or f"{found.id}.skops")
    if run.json:
        return run.out.document({"id": found.id, "path": str(path), "size": path.stat().st_size})
    run.out.line(str(path))


def _show(run: Invocation, found: Experiment) -> None:
    from cli import figures
    from cli.render import when

    if run.json:
        return run.out.document(found)
    request = found.request or {}
    run.out.fields(
        {
            "experiment": found.name,
            "id": found.id,
            "dataset": found.dataset,
            "target": found.target,
            "task": found.task,
            "algorithm": found.algorithm,
            "parameters": request.get("parameters"),
            "tags": found.tags,
            "note": found.note,
            "session": found.session,
            "training": found.training,
            "evaluations": len(found.evaluations),
            "created": when(found.created),
            "committed": when(found.committed),
            "trace": found.trace_id,
        }
    )
    if found.measures:
        run.out.line("")
        run.out.table(["measure", "value"], list(found.measures.items()))
    figures.preprocessing(run.out, found.result or {})
    for evaluation in found.evaluations:
        result = evaluation.get("result") or evaluation
        figures.confusion(run.out, result, "Confusion matrix")
        figures.per_class(run.out, result)
