"""`autolearn datasets`: upload tables and look at them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from cli.render import Output
    from common.contracts.datasets import DatasetVersion, ReadOptions

app = AsyncTyper(help="Upload tables and look at them.")

Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="penguins, penguins@3, penguins@sha256:… or an id.", autocompletion=completing.datasets
    ),
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--type", metavar="COL=TYPE", help="number, integer, category, boolean, datetime or text; repeatable."
    ),
]


@app.command()
async def upload(
    run: Invocation,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV, NDJSON (also gzip, zstd), Parquet or Arrow; - for stdin.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; default: of the file.")] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first line has names.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="What separates cells: a character, tab or space.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the text, such as utf-8.")] = None,
    quote: Annotated[str | None, typer.Option(help="What surrounds cells with delimiters in them.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign of numbers.")] = None,
    missing: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="A word that means missing; repeatable.")
    ] = None,
    types: Types = None,
) -> None:
    """Upload a table; its format and what else is not told is detected, and shown."""
    from cli import uploading, values

    told = values.types(types or [])
    if file == "-" and not name:
        raise typer.BadParameter("what comes from stdin has no name of its own; give one with --name")
    async with run.client() as client:
        with uploading.shown(run.out, file) as progress:
            version = await client.datasets.upload(
                sys.stdin.buffer if file == "-" else file,
                name,
                progress=progress,
                delimiter=delimiter,
                encoding=encoding,
                header=header,
                quote=quote,
                decimal=decimal,
                missing=missing,
                types=told,
            )
    _show(run, version)


@app.command("list")
async def list_(
    run: Invocation,
    filter: Annotated[str | None, typer.Option(help='Such as: rows > 100 and name ~ "peng".')] = None,
    sort: Annotated[str | None, typer.Option(help="Field to sort by; -field: descending.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 50,
) -> None:
    """List dataset versions."""
    from cli.render import short, when

    async with run.client() as client:
        versions = await client.datasets.list(filter=filter, sort=sort, limit=limit).all()
    if run.json:
        return run.out.document({"items": versions})
    run.out.table(
        ["name", "version", "rows", "columns", "created", "id"],
        [[v.name, v.version, v.rows, len(v.columns), when(v.created), short(v.id)] for v in versions],
    )


@app.command()
async def show(run: Invocation, ref: Ref) -> None:
    """Show one version: its columns, and how the file was read."""
    async with run.client() as client:
        version = await client.datasets.show(ref)
    _show(run, version)


@app.command()
async def preview(
    run: Invocation,
    ref: Ref,
    rows: Annotated[int | None, typer.Option(min=1, help="How many rows.")] = None,
) -> None:
    """Print the first rows."""
    async with run.client() as client:
        found = await client.datasets.preview(ref, rows)
    if run.json:
        return run.out.document(found)
    run.out.table(found.columns, found.rows)


@app.command()
async def profile(
    run: Invocation,
    ref: Ref,
    target: Annotated[
        str | None, typer.Option(metavar="COL", help="Column to be predicted.", autocompletion=completing.columns)
    ] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Save it as one HTML page instead.")] = None,
) -> None:
    """Look before you train: figures of every column, what goes with what, and warnings."""
    from cli import profiles

    async with run.client() as client:
        if html is not None:
            return _saved(run.out, await client.datasets.report(ref, html, target=target))
        found = await client.datasets.profile(ref, target)
    if run.json:
        return run.out.document(found)
    profiles.show(run.out, found)


@app.command("set")
async def set_(run: Invocation, ref: Ref, types: Types = None) -> None:
    """Read columns as other types; makes a new version."""
    from cli import values

    told = values.types(types or [])
    if not told:
        raise typer.BadParameter("say at least one --type COL=TYPE")
    async with run.client() as client:
        version = await client.datasets.set_types(ref, told)
    _show(run, version)


@app.command()
async def download(
    run: Invocation,
    ref: Ref,
    format: Annotated[str, typer.Option(help="csv, parquet or arrow.")] = "csv",
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File to write, - for stdout; default: NAME.FORMAT.")
    ] = None,
) -> None:
    """Save the content to a file."""
    async with run.client() as client:
        if output == "-":
            return await client.datasets.write(ref, sys.stdout.buffer, format=format)
        path = await client.datasets.download(ref, output, format=format)
    _saved(run.out, path)


@app.command()
async def delete(
    run: Invocation,
    ref: Ref,
    every: Annotated[bool, typer.Option("--all", help="Every version of the name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a version; refused while something refers to it."""
    run.confirm(f"Delete {'every version of ' if every else ''}{ref}?", yes)
    async with run.client() as client:
        await client.datasets.delete(ref, all=every)
    if run.json:
        return run.out.document({"deleted": ref, "all": every})
    run.out.note(f"deleted {ref}")


def _show(run: Invocation, version: DatasetVersion) -> None:
    from cli.render import size, when

    if run.json:
        return run.out.document(version)
    options = version.options
    run.out.fields(
        {
            "name": f"{version.name}@{version.version}",
            "id": version.id,
            "rows": version.rows,
            "size": size(version.size or None),
            "digest": version.digest,
            "created": when(version.created),
            "read as": _reading(options),
            "notes": version.notes,
        }
    )
    run.out.line("")
    run.out.table(
        ["column", "type", "missing", "distinct"],
        [[column.name, str(column.type), column.missing, column.distinct] for column in version.columns],
    )


def _saved(out: Output, path: Path) -> None:
    if out.as_json:
        return out.document({"path": str(path), "size": path.stat().st_size})
    out.line(str(path))


def _reading(options: ReadOptions) -> str:
    """How the file was read, without what its format does not have."""
    told = {"delimiter": options.delimiter, "encoding": options.encoding, "decimal": options.decimal}
    parts = [options.format if options.compression is None else f"{options.format} in {options.compression}"]
    parts += [f"{name} {value!r}" for name, value in told.items() if value is not None]
    if options.header is not None:
        parts.append("with header" if options.header else "without header")
    return ", ".join(parts)
