"""`autolearn algorithms` and `autolearn measures`: what can be trained and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import completing
from cli.asynchronous import AsyncTyper
from cli.invocation import Invocation

if TYPE_CHECKING:
    from common.contracts.catalogue import Algorithm

app = AsyncTyper()


@app.command()
async def algorithms(
    run: Invocation,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Show this one with its parameters; also sklearn.MODULE.CLASS.", autocompletion=completing.algorithms
        ),
    ] = None,
    named: Annotated[
        bool, typer.Option("--named", help="The estimators that are trained by their qualified names instead.")
    ] = False,
) -> None:
    """What can be trained, with its parameters."""
    async with run.client() as client:
        if name:
            return _algorithm(run, await client.algorithms.show(name))
        found = await client.algorithms.list(named=named).all()
    if run.json:
        return run.out.document({"items": found})
    run.out.table(["name", "title", "tasks"], [[each.name, each.title, each.tasks] for each in found])


@app.command()
async def measures(run: Invocation) -> None:
    """What can be measured, and which direction is better."""
    async with run.client() as client:
        found = await client.measures.list().all()
    if run.json:
        return run.out.document({"items": found})
    run.out.table(
        ["name", "tasks", "better", "range", "definition"],
        [[each.name, each.tasks, each.direction, _range(each.range), each.definition] for each in found],
    )


def _algorithm(run: Invocation, algorithm: Algorithm) -> None:
    if run.json:
        return run.out.document(algorithm)
    run.out.fields(
        {
            "name": algorithm.name,
            "title": algorithm.title,
            "tasks": algorithm.tasks,
            "description": algorithm.description,
        }
    )
    for task, schema in algorithm.parameters.items():
        rows = [
            [name, _kind(told), _default(told), _bounds(told), told.get("description")]
            for name, told in schema.get("properties", {}).items()
        ]
        run.out.line("")
        run.out.table(["parameter", "type", "default", "values", "description"], rows, title=f"Parameters for {task}")


def _default(schema: Mapping[str, Any]) -> Any:
    """The default as it is to be typed: 1.0 is a share where 1 is a number of columns."""
    default = schema.get("default")
    return repr(default) if isinstance(default, float) else default


def _kind(schema: Mapping[str, Any]) -> str:
    """The types that a JSON Schema admits, in words."""
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_kind(branch) for branch in branches))
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema and "type" not in schema:
        return "choice"
    told = schema.get("type", "any")
    return " or ".join(told) if isinstance(told, list) else str(told)


def _bounds(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema says of the values, in words."""
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(words for branch in branches if (words := _bounds(branch))))
    if "enum" in schema:
        return ", ".join("none" if each is None else str(each) for each in schema["enum"])
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return " and ".join(f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema)


def _range(bounds: list[float | None]) -> str:
    low, high = (*bounds, None, None)[:2]
    return f"{'-∞' if low is None else f'{low:g}'} … {'∞' if high is None else f'{high:g}'}"
