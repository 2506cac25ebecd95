"""What TAB offers for names that only the server knows: datasets, their columns, algorithms, measures, sessions, jobs,
experiments.

The server is asked each time and gets a second; when it does not answer nothing is offered, for whoever presses TAB is
in the middle of a line and no place for a message.
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
Completion = Callable[[typer.Context, str], list[Offer]]
_PATIENCE = 1.0
_NEWEST = 50


def _completion(source: Source) -> Completion:
    """What Typer calls for the offers of a source that begin as the word does."""

    def offers(ctx: typer.Context, incomplete: str) -> list[Offer]:
        import asyncio

        from common import errors

        async def asked() -> list[Offer]:
            options = Options(ctx.params.get("url"), ctx.params.get("profile"), quiet=True)
            async with asyncio.timeout(_PATIENCE), Invocation(options).client() as client:
                return [offer async for offer in source(client, ctx) if offer[0].startswith(incomplete)]

        try:
            return asyncio.run(asked())
        except (errors.AutoLearnError, typer.BadParameter, TimeoutError):
            return []

    return offers


@_completion
async def datasets(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Names of datasets."""
    async for one in client.datasets.list():
        yield one.name, f"{one.rows} rows"


@_completion
async def columns(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Columns of the dataset that the line names."""
    # Behind an option whose value is being written, words of the line are not yet assigned to their parameters.
    if named := ctx.params.get("dataset") or ctx.params.get("ref") or next(iter(ctx.args), None):
        for column in (await client.datasets.show(named)).columns:
            yield column.name, column.type


@_completion
async def algorithms(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Names of algorithms."""
    async for one in client.algorithms.list():
        yield one.name, one.title


@_completion
async def measures(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Names of measures."""
    async for one in client.measures.list():
        yield one.name, f"{one.direction} is better"


@_completion
async def sessions(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Names of the newest sessions."""
    async for one in client.sessions.list(sort="-created", limit=_NEWEST):
        yield one.name, one.state.value


@_completion
async def jobs(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Ids of the newest jobs."""
    async for one in client.jobs.list(limit=_NEWEST):
        yield one.id, _told(one)


@_completion
async def trainings(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Ids of the newest trainings."""
    async for one in client.jobs.list(filter="kind = training", limit=_NEWEST):
        yield one.id, _told(one)


@_completion
async def experiments(client: Client, ctx: typer.Context) -> AsyncIterator[Offer]:
    """Ids of the newest experiments."""
    async for one in client.experiments.list(limit=_NEWEST):
        yield one.id, f"{one.algorithm} on {one.dataset}"


def _told(job: Job) -> str:
    return " ".join(word for word in (job.algorithm or job.kind, job.dataset, job.state.value) if word)
