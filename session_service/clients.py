"""The services that a session works with: those of its jobs, and storage for its commit."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import errors
from common.concurrency import slices
from common.contracts.jobs import PATHS
from common.http.client import ServiceClient

_AT_ONCE = 200
"""Jobs that one call is about."""
_FETCHED = 50
"""Jobs whose whole states one answer holds: usually a few KiB each, but up to some hundred."""
_BODY = 256 * 1024
"""Bytes of experiments that go into one body; a larger one has a body for itself."""
_PATIENCE = 30.0
"""Seconds that a call about many may take; nobody waits at a door for it."""
PREFIXES = {"trn": "training", "evl": "evaluation", "srch": "search"}
SERVICES = {"training": "training", "evaluation": "evaluation", "search": "training"}
"""The service that has the jobs of a kind."""
_RECORDS = {"training": "/internal/jobs", "evaluation": "/internal/jobs", "search": "/internal/searches"}


def kind_of(job: str) -> str:
    """`training`, `evaluation` or `search`, by the prefix of a job's id. Raises `errors.NotFound` for anything else."""
    try:
        return PREFIXES[job.partition("_")[0]]
    except KeyError as error:
        raise errors.NotFound(f"{job!r} is not the id of a job") from error


class Jobs:
    """The jobs of all kinds."""

    def __init__(self, services: Mapping[str, ServiceClient]) -> None:
        """`services` by kind of job, as in `SERVICES`."""
        self._services = services

    async def get(self, job: str) -> dict[str, Any]:
        """The job's record state, tokens included. Raises `errors.NotFound`."""
        kind = kind_of(job)
        found = await self._services[kind].call("GET", f"{_RECORDS[kind]}/{job}")
        return dict(found["state"])

    async def states(self, jobs: Iterable[str]) -> dict[str, str | None]:
        """The state of each job, None for one that does not exist."""
        found: dict[str, str | None] = {}
        for kind, some in self._portions(jobs, _AT_ONCE):
            answer = await self._services[kind].call("POST", f"{_RECORDS[kind]}:states", body={"ids": some})
            found.update(answer["states"])
        return found

    async def fetch(self, jobs: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """The record states of jobs, tokens included. Raises `errors.NotFound` when one is missing."""
        found: dict[str, Mapping[str, Any]] = {}
        for kind, some in self._portions(jobs, _FETCHED):
            path = f"{_RECORDS[kind]}:fetch"
            answer = await self._services[kind].call("POST", path, body={"ids": some}, timeout=_PATIENCE)
            found.update(answer["jobs"])
        return found

    async def of_session(self, session: str) -> AsyncIterator[Mapping[str, Any]]:
        """All jobs that were ever asked for in a session, as lists show them."""
        for kind, service in self._services.items():
            query: dict[str, Any] = {"filter": f"session = {session}", "limit": _AT_ONCE}
            while True:
                page = await service.call("GET", PATHS[kind], query=query)
                for job in page["items"]:
                    yield job
                if page["next"] is None:
                    break
                query["cursor"] = page["next"]

    async def commit(self, experiments: Mapping[str, str]) -> None:
        """These jobs are part of an experiment now, each of the one beside it."""
        for kind, some in self._portions(experiments, _AT_ONCE):
            body = {"experiments": {job: experiments[job] for job in some}}
            await self._services[kind].call("POST", f"{_RECORDS[kind]}:commit", body=body, timeout=_PATIENCE)

    async def remove(self, jobs: Iterable[str], reason: str) -> None:
        """Nothing confidential of these jobs stays. Raises `errors.Conflict` if one must, after removing the others."""
        refused: list[errors.Conflict] = []
        for kind, some in self._portions(jobs, _AT_ONCE):
            body = {"ids": some, "reason": reason}
            try:
                await self._services[kind].call("POST", f"{_RECORDS[kind]}:remove", body=body, timeout=_PATIENCE)
            except errors.Conflict as error:
                refused.append(error)
        if refused:
            raise refused[0]

    async def cancel(self, job: str) -> None:
        """Ask the job to stop."""
        kind = kind_of(job)
        await self._services[kind].call("POST", f"{_RECORDS[kind]}/{job}:cancel")

    def _portions(self, jobs: Iterable[str], size: int) -> Iterator[tuple[str, list[str]]]:
        """Each kind with at most `size` of its jobs; evaluations first, as they are read through their trainings."""
        for kind, same in itertools.groupby(sorted(jobs), key=kind_of):
            for some in slices(same, size):
                yield kind, some


@dataclass(frozen=True)
class Opening:
    """What storage knows of a commit: whether it is done, and which experiments it need not be given again."""

    sealed: bool
    stored: frozenset[str]


class Storage:
    """Permanent storage."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def open(self, commit: str, *, session: str, expected: int, committed: str) -> Opening:
        """Announce a commit of `expected` experiments."""
        body = {"session": session, "expected": expected, "committed": committed}
        answer = await self._client.call("POST", f"/internal/commits/{commit}:open", body=body, timeout=_PATIENCE)
        return Opening(answer["state"] == "sealed", frozenset(answer["stored"]))

    async def store(self, commit: str, experiments: Mapping[str, Mapping[str, Any]]) -> None:
        """Store experiments by their ids, invisible until their commit is sealed."""
        for some in _bodies(experiments):
            body = {"experiments": {one: experiments[one] for one in some}}
            await self._client.call("POST", f"/internal/commits/{commit}:store", body=body, timeout=_PATIENCE)

    async def seal(self, commit: str) -> None:
        """Make all experiments of the commit visible at once."""
        await self._client.call("POST", f"/internal/commits/{commit}:seal", timeout=_PATIENCE)


def _bodies(experiments: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    """Ids of experiments that go into one body together."""
    some: list[str] = []
    size = 0
    for identifier, document in experiments.items():
        length = len(json.dumps(document))
        if some and size + length > _BODY:
            yield some
            some, size = [], 0
        some.append(identifier)
        size += length
    if some:
        yield some
