"""Asking for what `train` was not told, from the catalogue."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli import prompting
from cli.render import text

if TYPE_CHECKING:
    from autolearn.aio.client import Client


_TASKS = {"number": {"regression"}, "integer": {"classification", "regression"}}
"""What a column of this type can be the target of; of any other type: of a classification."""


async def training(
    client: Client, dataset: str | None, algorithms: Sequence[str], target: str | None
) -> tuple[str, list[str], str | None]:
    """Dataset, algorithms and target: those told, and the answers for those that were not."""
    if dataset is None:
        newest: dict[str, str] = {}
        async for version in client.datasets.list():
            newest.setdefault(version.name, f"{version.name:24} {version.rows:>8} rows, {len(version.columns)} columns")
        dataset = _one("Dataset", newest)
    columns = (await client.datasets.show(dataset)).columns
    if target is None:
        target = _one("Column to predict", {c.name: f"{c.name:24} {c.type}" for c in columns}, last=True)
    if not algorithms:
        fit = next((_TASKS.get(str(c.type), {"classification"}) for c in columns if c.name == target), set[str]())
        offered = {
            a.name: f"{a.name:24} {a.title} ({' and '.join(a.tasks)})"
            for a in await client.algorithms.list().all()
            if not fit or fit & set(a.tasks)
        }
        algorithms = _several("Algorithms (numbers or names, separated by spaces)", offered)
    return dataset, list(algorithms), target


async def task(client: Client, dataset: str, target: str) -> str | None:
    """Which task an integer target with few values means; None where there is no question."""
    from common import errors
    from common.contracts.jobs import FEW_VALUES

    try:
        columns = (await client.datasets.show(dataset)).columns
    except errors.AutoLearnError:  # the training will say what is wrong with it
        return None
    for column in columns:
        if column.name == target and str(column.type) == "integer" and 2 < column.distinct <= FEW_VALUES:
            typer.echo(f"{text(target)} is integer with {column.distinct} values: classes, or amounts?", err=True)
            offered = {
                "classification": "classification   each value is a class",
                "regression": "regression       amounts",
            }
            return _one("Task", offered)
    return None


def _one(question: str, choices: dict[str, str], *, last: bool = False) -> str:
    names = _offer(choices)
    while True:
        told = prompting.answer(question, names[-1] if last else names[0])
        if found := _choice(told, names):
            return found
        near = difflib.get_close_matches(told, names, 1)
        typer.echo(f"{told!r} is none of them" + (f"; did you mean {near[0]}?" if near else ""), err=True)


def _several(question: str, choices: dict[str, str]) -> list[str]:
    names = _offer(choices)
    while True:
        told = prompting.answer(question, names[0]).replace(",", " ").split()
        found = [choice for each in told if (choice := _choice(each, names))]
        if found and len(found) == len(told):
            return list(dict.fromkeys(found))
        typer.echo("not all of that is among them", err=True)


def _offer(choices: dict[str, str]) -> list[str]:
    if not choices:
        raise typer.BadParameter("the catalogue is empty; upload a dataset with `autolearn datasets upload`")
    for number, line in enumerate(choices.values(), 1):
        typer.echo(f"  {number:>2}  {text(line)}", err=True)
    return list(choices)


def _choice(told: str, names: list[str]) -> str | None:
    """The choice of that name or number; a name that looks like a number is the name."""
    told = told.strip()
    if told in names:
        return told
    return names[int(told) - 1] if told.isdecimal() and 1 <= int(told) <= len(names) else None
