"""Calls from service to service: the trace goes along, errors come back, and what is away is tried again."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from common import context, errors
from common.http import client
from common.http.client import ServiceClient
from tests.factories import SERVICE_TOKEN

World = Any


def calling(world: World, transport: httpx.AsyncBaseTransport | None = None) -> ServiceClient:
    http = httpx.AsyncClient(
        transport=transport or httpx.ASGITransport(app=world.app, raise_app_exceptions=False), base_url="http://things"
    )
    return ServiceClient(http, caller="tests", service="things", token=SERVICE_TOKEN, journal=world.journal)


async def test_actor_and_trace_go_along_and_both_sides_are_logged(world: World) -> None:
    cause = context.fresh("ada")
    with context.use(cause):
        found = await calling(world).call("GET", "/v1/things/a", query={"full": "true"})
    assert (found["actor"], found["trace"], found["full"]) == ("ada", cause.trace_id, True)
    received, sent = await world.calls()
    assert (sent["source"], sent["destination"], sent["status"]) == ("tests", "things", 200)
    assert (received["source"], received["destination"]) == ("tests", "things")


async def test_internal_routes_are_open_to_services(world: World) -> None:
    assert await calling(world).call("POST", "/internal/things/a:touch") == {"actor": "system"}


async def test_the_error_of_the_other_side_is_raised_here(world: World) -> None:
    with pytest.raises(errors.SessionBusy, match="as said"):
        await calling(world).call("GET", f"/v1/errors/{errors.SessionBusy.code}")
    with pytest.raises(errors.Invalid) as refused:
        await calling(world).call("POST", "/v1/things", body={})
    assert refused.value.flaws[0].pointer == "/name"


async def test_what_is_away_is_tried_three_times(world: World) -> None:
    with pytest.raises(errors.Unavailable):
        await calling(world).call("GET", f"/v1/errors/{errors.Unavailable.code}")
    assert len([one for one in await world.calls() if one["source"] == "tests" and "duration" in one]) == 6


async def test_no_answer_in_time_is_unavailable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_TRIES", 1)
    with pytest.raises(errors.Unavailable, match="the things service does not answer"):
        await calling(world).call("GET", "/v1/slow", timeout=0.05)
    assert [one["outcome"] for one in await world.calls() if one["destination"] == "things"].count("unreachable") == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>bad gateway</html>", errors.AutoLearnError),
        (404, b"", errors.NotFound),
        (409, b"[1]", errors.Conflict),
        (200, b"<html>", errors.Internal),
        (200, json.dumps({"a": 1}).encode(), None),
        (204, b"", None),
    ],
)
async def test_what_is_no_document_of_ours_is_an_error_of_ours(
    world: World, status: int, body: bytes, kind: type[errors.AutoLearnError] | None
) -> None:
    answering = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    if kind is None:
        assert await calling(world, answering).call("GET", "/x") == (json.loads(body) if body else None)
    else:
        with pytest.raises(kind):
            await calling(world, answering).call("GET", "/x")
