"""Jobs of all kinds in one list, newest first: pages of the services, merged as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from common import errors
from common.contracts.base import Page
from common.contracts.jobs import PATHS, Job
from common.filtering import cursors
from common.http.client import ServiceClient
from gateway_service.job_filter import filter_for

_PREFIXES = {"trn": "training", "evl": "evaluation", "srch": "search"}
_Stand: TypeAlias = tuple[str, str]
"""Where a job stands in the list: when it was created, and its id."""


class Jobs:
    """Trainings, evaluations and searches through their services."""

    def __init__(self, services: Mapping[str, ServiceClient]) -> None:
        """`services` by kind of job."""
        self._services = dict(services)

    async def page(self, *, filter: str, newest_first: bool, cursor: str | None, limit: int) -> Page[Job]:
        """One page. Raises `errors.BadFilter`, `errors.BadRequest` for a cursor of another list."""
        scope = f"jobs\n{filter}\n{newest_first}"
        after = _stand(cursors.decode(cursor, scope)) if cursor else None
        streams = []
        for kind, service in self._services.items():
            condition = filter_for(kind, filter)
            if condition is not None:
                streams.append(_jobs(service, kind, condition, newest_first, after, limit + 1))
        found = await _merged(streams, newest_first, limit + 1)
        more, found = len(found) > limit, found[:limit]
        return Page(
            items=[Job.model_validate(job) for job in found],
            next=cursors.encode(_place(found[-1]), scope) if more else None,
        )

    async def show(self, reference: str) -> Job:
        """One job by id or ending, of whatever kind. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        kind = _PREFIXES.get(reference.partition("_")[0])
        asked = [kind] if kind else list(self._services)
        answers = await asyncio.gather(*(self._asked(one, reference) for one in asked), return_exceptions=True)
        jobs = [answer for answer in answers if isinstance(answer, Job)]
        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        for refusal in refusals:
            if not isinstance(refusal, errors.NotFound):
                raise refusal
        if not jobs:
            raise errors.NotFound(f"there is no job {reference!r}")
        if len(jobs) > 1:
            raise errors.AmbiguousReference(
                f"{reference!r} fits {len(jobs)} jobs; write more of its ending",
                extra={"candidates": [job.id for job in jobs]},
            )
        return jobs[0]

    async def _asked(self, kind: str, reference: str) -> Job:
        answer = await self._services[kind].call("GET", f"{PATHS[kind]}/{quote(reference, safe='')}")
        return Job.model_validate(answer)


async def _jobs(
    service: ServiceClient, kind: str, condition: str, newest_first: bool, after: _Stand | None, limit: int
) -> AsyncIterator[dict[str, Any]]:
    """The jobs of one service behind `after`, page by page.

    The services' own cursors end at their pages, ours between any two jobs: so it is written as a condition on the
    time, and those of the same millisecond that were shown already are left out here.
    """
    if after is not None:
        bound = f"created {'<=' if newest_first else '>='} {after[0]}"
        condition = f"{bound} and ({condition})" if condition else bound
    query = {"filter": condition, "sort": "-created" if newest_first else "created", "limit": min(limit, 500)}
    while True:
        answer = await service.call("GET", PATHS[kind], query=query)
        for job in answer["items"]:
            if after is None or (_place(job) < after if newest_first else _place(job) > after):
                yield job
        if answer["next"] is None:
            return
        query["cursor"] = answer["next"]


async def _merged(streams: list[AsyncIterator[dict[str, Any]]], newest_first: bool, limit: int) -> list[dict[str, Any]]:
    heads = await asyncio.gather(*(anext(stream, None) for stream in streams))
    waiting = [(job, stream) for job, stream in zip(heads, streams, strict=True) if job is not None]
    found: list[dict[str, Any]] = []
    while waiting and len(found) < limit:
        choose = max if newest_first else min
        index = choose(range(len(waiting)), key=lambda place: _place(waiting[place][0]))
        job, stream = waiting[index]
        found.append(job)
        following = await anext(stream, None)
        if following is None:
            del waiting[index]
        else:
            waiting[index] = (following, stream)
    return found


def _place(job: Mapping[str, Any]) -> _Stand:
    return (job["created"], job["id"])


def _stand(place: tuple[Any, ...]) -> _Stand:
    if len(place) != 2 or not all(isinstance(part, str) for part in place):
        raise errors.BadRequest("the cursor is damaged; use `next` of a page as it was given")
    return (place[0], place[1])
