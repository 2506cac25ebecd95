"""The jobs of two services as one list."""

from __future__ import annotations

import random
from typing import Any

import pytest

from common import errors
from common.filtering.conditions import holds
from common.filtering.parser import parse
from gateway_service.job_filter import FIELDS, filter_for, written
from tests.unit.gateway_service.conftest import World, job


def fill(world: World) -> list[dict[str, Any]]:
    """Jobs with many of one millisecond, so that pages end between equals."""
    chance = random.Random(7)
    for kind in world.jobs:
        for number in range(30):
            state = "running" if number % 3 else "queued"
            created = f"2026-11-28T10:00:00.{chance.randrange(4):03}Z"
            world.jobs[kind].append(job(kind, number, created, state=state))
    every = [each for jobs in world.jobs.values() for each in jobs]
    return sorted(every, key=lambda each: (each["created"], each["id"]), reverse=True)


async def pages(world: World, **query: Any) -> list[str]:
    seen: list[str] = []
    while True:
        page = (await world.http.get("/v1/jobs", params=query)).json()
        assert len(page["items"]) <= query["limit"]
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            return seen
        query["cursor"] = page["next"]


@pytest.mark.parametrize("limit", [5, 59, 60, 500])
async def test_pages_hold_every_job_once_in_order(world: World, limit: int) -> None:
    every = [each["id"] for each in fill(world)]
    assert await pages(world, limit=limit) == every
    assert await pages(world, limit=limit, sort="created") == every[::-1]


@pytest.mark.parametrize(
    "filter",
    [
        "kind = training",
        "kind != training and state = queued",
        "not (kind = training or state = running)",
        "kind in (evaluation, other) or state = 'queued'",
        "kind = other",
        'created >= 2026-11-28T10:00:00.002Z and dataset ~ "PENG"',
    ],
)
async def test_filters(world: World, filter: str) -> None:
    every = fill(world)
    condition = parse(filter, FIELDS)
    assert await pages(world, limit=13, filter=filter) == [each["id"] for each in every if holds(condition, each)]


async def test_a_kind_that_is_not_asked_for_may_be_away(world: World) -> None:
    fill(world)
    world.away.add("evaluation")
    assert len(await pages(world, limit=50, filter="kind = training")) == 30
    assert (await world.http.get("/v1/jobs")).status_code == 503


@pytest.mark.parametrize(
    ("query", "code"),
    [({"filter": "colour = red"}, "bad_filter"), ({"cursor": "x"}, "bad_request"), ({"sort": "state"}, "bad_request")],
)
async def test_wrong_queries(world: World, query: dict[str, str], code: str) -> None:
    assert (await world.http.get("/v1/jobs", params=query)).json()["code"] == code


async def test_one_job_of_any_kind(world: World) -> None:
    world.jobs["training"] = [job("training", 0xABCDEF1, "2026-11-28T10:00:00.000Z")]
    world.jobs["evaluation"] = [
        job("evaluation", 0xABCDEF1, "2026-11-28T10:00:00.000Z"),
        job("evaluation", 0xABCDEF2, "2026-11-28T10:00:00.000Z"),
    ]
    assert (await world.http.get("/v1/jobs/abcdef2")).json()["kind"] == "evaluation"
    training = world.jobs["training"][0]["id"]
    assert (await world.http.get(f"/v1/jobs/{training}")).json()["id"] == training
    both = await world.http.get("/v1/jobs/abcdef1")
    assert (both.status_code, len(both.json()["candidates"])) == (409, 2)
    assert (await world.http.get("/v1/jobs/abcdef3")).status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        'session = "it\'s \\"quoted\\" \\\\ (so)"',
        "state = null or state in (a, null, 'b c')",
        "not (state != x) and (dataset > y or algorithm <= z)",
        "created < 2026-11-28T10:00:00Z",
    ],
)
def test_a_written_filter_means_the_same(text: str) -> None:
    condition = parse(text, FIELDS)
    assert parse(written(condition), FIELDS) == condition


def test_filters_are_checked_even_when_no_service_is_asked() -> None:
    assert filter_for("training", "kind = evaluation and state = x") is None
    with pytest.raises(errors.BadFilter):
        filter_for("training", "kind = evaluation and stat = x")
