"""The services that a session works with: trainings and evaluations for its jobs, storage for its commit."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from common import errors
from common.http.client import ServiceClient

_AT_ONCE = 500
PREFIXES = {"trn": "training", "evl": "evaluation"}


def kind_of(job: str) -> str:
    """`training` or `evaluation`, by the prefix of a job's id. Raises `errors.NotFound` for anything else."""
    try:
        return PREFIXES[job.partition("_")[0]]
    except KeyError as error:
        raise errors.NotFound(f"{job!r} is not the id of a job") from error


class Jobs:
    """The jobs of both services."""

    def __init__(self, services: Mapping[str, ServiceClient]) -> None:
        """`services` by kind of job: `training` and `evaluation`."""
        self._services = services

    async def get(self, job: str) -> dict[str, Any]:
        """The job's record state, tokens included. Raises `errors.NotFound`."""
        found = await self._of(job).call("GET", f"/internal/jobs/{job}")
        return dict(found["state"])

    async def states(self, jobs: Iterable[str]) -> dict[str, str | None]:
        """The state of each job, None for one that does not exist."""
        found: dict[str, str | None] = {}
        for kind, same in itertools.groupby(sorted(jobs), key=kind_of):
            for some in _batches(same):
                answer = await self._services[kind].call("POST", "/internal/jobs:states", body={"ids": some})
                found.update(answer["states"])
        return found

    async def of_session(self, session: str) -> AsyncIterator[Mapping[str, Any]]:
        """All jobs that were ever asked for in a session, as lists show them."""
        for kind, service in self._services.items():
            query: dict[str, Any] = {"filter": f"session = {session}", "limit": _AT_ONCE}
            while True:
                page = await service.call("GET", f"/v1/{kind}s", query=query)
                for job in page["items"]:
                    yield job
                if page["next"] is None:
                    break
                query["cursor"] = page["next"]

    async def commit(self, job: str, experiment: str) -> None:
        """The job is part of an experiment now."""
        await self._of(job).call("POST", f"/internal/jobs/{job}:commit", body={"experiment": experiment})

    async def remove(self, job: str, reason: str) -> None:
        """Nothing confidential of the job stays."""
        await self._of(job).call("POST", f"/internal/jobs/{job}:remove", body={"reason": reason})

    async def cancel(self, job: str) -> None:
        """Ask the job to stop."""
        await self._of(job).call("POST", f"/internal/jobs/{job}:cancel")

    def _of(self, job: str) -> ServiceClient:
        return self._services[kind_of(job)]


class Storage:
    """Permanent storage."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def open(self, commit: str, *, session: str, expected: int, committed: str) -> str:
        """Announce a commit of `expected` experiments; its state, `sealed` when it is done already."""
        body = {"session": session, "expected": expected, "committed": committed}
        return str((await self._client.call("POST", f"/internal/commits/{commit}:open", body=body))["state"])

    async def put(self, experiment: str, document: Mapping[str, Any]) -> None:
        """Store an experiment, invisible until its commit is sealed."""
        await self._client.call("PUT", f"/internal/experiments/{experiment}", body=dict(document))

    async def seal(self, commit: str) -> None:
        """Make all experiments of the commit visible at once."""
        await self._client.call("POST", f"/internal/commits/{commit}:seal", timeout=30)


def _batches(items: Iterable[str]) -> Iterable[list[str]]:
    iterator = iter(items)
    while some := list(itertools.islice(iterator, _AT_ONCE)):
        yield some
