"""What TAB offers for names that only the server knows: datasets, their columns, algorithms, measures, sessions, jobs,
experiments.

The server is asked each time and gets a second; when it does not answer nothing is offered, for whoever presses TAB is
in the middle of a line and no place for a message. Function parameters are named as Typer wants them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import typer

from cli.invocation import Invocation, Options

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from common.contracts.jobs import Job

Offer = tuple[str, str]
"""What would be written, and a few words about it (shells that can show them do)."""
Source = Callable[["Client", typer.Context], AsyncIterator[Offer]]
_PATIENCE = 1.0
_NEWEST = 50


def datasets(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Names of datasets."""
    return _offers(_datasets, ctx, incomplete)


def columns(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Columns of the dataset that the line names."""
    return _offers(_columns, ctx, incomplete)


def algorithms(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Names of algorithms."""
    return _offers(_algorithms, ctx, incomplete)


def measures(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Names of measures."""
    return _offers(_measures, ctx, incomplete)


def sessions(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Names of the newest sessions."""
    return _offers(_sessions, ctx, incomplete)


def jobs(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of the newest jobs."""
    return _offers(_jobs, ctx, incomplete)


def trainings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of the newest trainings."""
    return _offers(_trainings, ctx, incomplete)


def experiments(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of the newest experiments."""
    return _offers(_experiments, ctx, incomplete)


def _offers(source: Source, ctx: typer.Context, incomplete: str) -> list[Offer]:
    import asyncio

    from common import errors

    try:
        offers = asyncio.run(_asked(source, ctx))
    except (errors.AutoLearnError, typer.BadParameter, TimeoutError):
        return []
    return [(name, words) for name, words in offers if name.startswith(incomplete)]


async def _asked(source: Source, ctx: typer.Context) -> list[Offer]:
    import asyncio

    options = Options(ctx.params.get("url"), ctx.params.get("profile"), quiet=True)
    async with asyncio.timeout(_PATIENCE), Invocation(options).client() as client:
        return [offer async for offer in source(client, ctx)]


async def _datasets(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.datasets.list():
        yield one.name, f"{one.rows} rows"


async def _columns(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    # Behind an option whose value is being written, words of the line are not yet assigned to their parameters.
    if named := ctx.params.get("dataset") or ctx.params.get("ref") or next(iter(ctx.args), None):
        for column in (await client.datasets.show(named)).columns:
            yield column.name, column.type


async def _algorithms(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.algorithms.list():
        yield one.name, one.title


async def _measures(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.measures.list():
        yield one.name, f"{one.direction} is better"


async def _sessions(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.sessions.list(sort="-created", limit=_NEWEST):
        yield one.name, one.state.value


async def _jobs(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.jobs.list(limit=_NEWEST):
        yield one.id, _told(one)


async def _trainings(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.jobs.list(filter="kind = training", limit=_NEWEST):
        yield one.id, _told(one)


async def _experiments(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    async for one in client.experiments.list(limit=_NEWEST):
        yield one.id, f"{one.algorithm} on {one.dataset}"


def _told(job: Job) -> str:
    return " ".join(word for word in (job.algorithm or job.kind, job.dataset, job.state.value) if word)
