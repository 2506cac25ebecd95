"""What every service has in front of its routes: authorisation, deadline, headers, lists, health and the call log."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest
import structlog

from common import context, errors
from common.contracts.service import Readiness
from common.filtering import cursors
from common.filtering.fields import Field
from common.http import paging
from common.http.paging import Listing
from common.ports.record_store import Record
from tests.factories import SERVICE_TOKEN, call

World = Any
FIELDS = {"size": Field("state.size", "number")}
SERVICE = {"authorization": f"Bearer {SERVICE_TOKEN}"}


class TestAuthorisation:
    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            f"bearer {SERVICE_TOKEN}",
            f"Bearer {SERVICE_TOKEN}x",
            SERVICE_TOKEN,
            "Bearer \xfc",
        ],
    )
    async def test_internal_routes_are_for_services(self, world: World, authorization: str | None) -> None:
        headers = {} if authorization is None else {"authorization": authorization.encode("latin-1")}
        answer = await world.http.post("/internal/things/a:touch", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")

    @pytest.mark.parametrize("path", ["//internal/things/a:touch", "/v1/../internal/things/a:touch"])
    async def test_no_crafted_path_goes_around(self, world: World, path: str) -> None:
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": [], "http_version": "1.1", "scheme": "http", "server": ("h", 80), "client": ("c", 1),
                 "root_path": ""}  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await world.app(scope, receive, send)
        assert sent[0]["status"] in (401, 404)

    async def test_a_service_is_let_in(self, world: World) -> None:
        assert (await world.http.post("/internal/things/a:touch", headers=SERVICE)).status_code == 200


class TestWhoActs:
    NAMED = {"autolearn-actor": "ada", "autolearn-causation": "evt_1", "autolearn-source": "session"}

    async def test_a_service_is_believed(self, world: World) -> None:
        trace = context.fresh()
        shown = await world.http.get("/v1/things/a", headers=self.NAMED | SERVICE | {"traceparent": trace.traceparent})
        assert shown.json() | {"trace": trace.trace_id, "actor": "ada", "cause": "evt_1"} == shown.json()
        assert (await world.calls())[0]["source"] == "session"

    async def test_anybody_else_is_not(self, world: World) -> None:
        shown = await world.http.get("/v1/things/a", headers=self.NAMED | {"authorization": "Bearer guess"})
        assert (shown.json()["actor"], shown.json()["cause"]) == ("local", "")
        assert (await world.calls())[0]["source"] == "client"


@pytest.mark.parametrize("world", [0.1], indirect=True)
class TestDeadline:
    async def test_what_takes_too_long_is_503(self, world: World) -> None:
        answer = await asyncio.wait_for(world.http.get("/v1/slow"), 5)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert [one["outcome"] for one in await world.calls()] == ["failed"]

    @pytest.mark.parametrize("headers", [{"prefer": "wait=10"}, {"prefer": "Wait=10"}, {"prefer": "a, wait=10"}])
    async def test_who_wants_to_wait_may(self, world: World, headers: dict[str, str]) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.http.get("/v1/slow", headers=headers), 0.3)

    async def test_streams_are_exempt(self, world: World) -> None:
        assert (await world.http.get("/v1/slow/stream")).content == b"ab"


class TestHeaders:
    @pytest.mark.parametrize(
        ("prefer", "seconds"),
        [(None, 0), ("wait=5", 5), ("respond-async, wait=5", 5), ("wait=5; foo", 5), ("wait=600", 60), ("wait=-1", 0),
         ("wait=soon", 0), ("await=5", 0), ("wait", 0), ("Wait=5", 5), ("wait=9999999", 0)],
    )  # fmt: skip
    async def test_prefer_wait(self, world: World, prefer: str | None, seconds: float) -> None:
        headers = {} if prefer is None else {"prefer": prefer}
        assert (await world.http.get("/v1/headers", headers=headers)).json()["wait"] == seconds

    @pytest.mark.parametrize(("key", "status"), [("k", 200), ("k" * 255, 200), ("", 400), ("k" * 256, 400)])
    async def test_idempotency_keys_are_of_a_sensible_length(self, world: World, key: str, status: int) -> None:
        answer = await world.http.get("/v1/headers", headers={"idempotency-key": key})
        assert answer.status_code == status

    @pytest.mark.parametrize(
        ("match", "status"),
        [(None, 428), ('"3"', 200), ("*", 200), ('"2", "3"', 200), ('"2"', 412), ("3", 412), ('W/"3"', 412), ("", 412)],
    )
    async def test_changes_need_the_version_they_change(self, world: World, match: str | None, status: int) -> None:
        headers = {} if match is None else {"if-match": match}
        assert (await world.http.patch("/v1/versioned", headers=headers)).status_code == status


class TestLists:
    async def asked(self, **query: Any) -> Listing:
        given = {"limit": 2, "cursor": None, "filter": "", "sort": "-size", **query}
        return await paging.listing(FIELDS, "-size")(**given)

    async def test_the_next_page_begins_after_the_last_item_shown(self) -> None:
        asked = await self.asked()
        records = [Record(f"r{n}", 1, "", {"size": n}) for n in (9, 8, 7)]
        cursor = asked.next(records)
        assert cursor
        assert asked.query()["limit"] == 3
        following = await self.asked(cursor=cursor)
        assert following.after == records[1].place(asked.sort)
        assert following.next(records[2:]) is None

    @pytest.mark.parametrize("other", [{"sort": "size"}, {"filter": "size > 1"}])
    async def test_a_cursor_is_of_one_list_only(self, other: dict[str, Any]) -> None:
        asked = await self.asked()
        cursor = cursors.encode(Record("r", 1, "", {"size": 1}).place(asked.sort), asked.scope)
        with pytest.raises(errors.AutoLearnError) as refused:
            await self.asked(cursor=cursor, **other)
        assert refused.value.status in (400, 422)

    async def test_over_rest(self, world: World) -> None:
        found = (await world.http.get("/v1/list?limit=3&filter=size>1&sort=name")).json()
        assert found == {"limit": 3, "sort": ["state.name"], "filtered": True}


class TestHealth:
    async def test_alive_and_ready_and_known(self, world: World) -> None:
        assert (await world.http.get("/livez")).json() == {"status": "alive"}
        assert (await world.http.get("/readyz")).json() == {"ready": True, "degraded": []}
        assert (await world.http.get("/v1/info")).json()["limits"] == {"body": 2_000_000}
        document = (await world.http.get("/openapi.json")).json()
        assert document["info"]["title"] == "AutoLearn: things"

    async def test_not_ready_says_why(self, world: World) -> None:
        world.ready = Readiness(ready=False, degraded=["disk is full"])
        answer = await world.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["degraded"] == ["disk is full"]

    async def test_health_is_not_logged(self, world: World) -> None:
        for path in ("/livez", "/readyz", "/openapi.json", "/docs"):
            answer = await world.http.get(path)
            assert answer.status_code == 200
            assert "traceparent" in answer.headers
        assert await world.calls() == []


class TestCallLog:
    async def test_a_call_is_logged_without_its_body(self, world: World) -> None:
        bodies = [{"name": "secret"}, {"name": "secret"}, {"name": "another"}]
        for body in bodies:
            answer = await world.http.post("/v1/things", json=body)
        one, same, other = await world.calls()
        assert one == {
            "source": "client",
            "destination": "things",
            "kind": "rest",
            "mode": "sync",
            "method": "POST",
            "path": "/v1/things",
            "route": "/v1/things",
            "status": 201,
            "outcome": "ok",
            "record": "thing_1",
            "duration": one["duration"],
            "request_size": len(b'{"name":"secret"}'),
            "response_size": one["response_size"],
            "digest": one["digest"],
            "response_digest": one["response_digest"],
        }
        assert one["digest"] == same["digest"] != other["digest"]
        assert other["response_size"] == len(answer.content)
        assert "secret" not in repr(one)

    async def test_the_line_is_written_before_the_answer_goes_out(self, world: World) -> None:
        answer = await world.http.get("/v1/things/ses_1")
        assert [one["data"]["session"] for one in world.journal.recent] == ["ses_1"]
        assert world.journal.recent[0]["correlationid"] in answer.headers["traceparent"]

    async def test_at_the_bound_everything_but_health_is_503(self, world: World) -> None:
        world.log.away = True
        with structlog.testing.capture_logs():
            number = 0
            while not world.journal.full:
                world.journal.begin(call(number))
                world.journal.end(call(number))
                number += 1
            answer = await world.http.get("/v1/things/a")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "5"
            assert world.journal.refused == 1
            assert (await world.http.get("/livez")).status_code == 200
        world.log.away = False
        await world.journal.flush()
        assert (await world.http.get("/v1/things/a")).status_code == 200

    async def test_a_full_disk_refuses_the_call(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def none(*_: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("common.journal.os.write", none)
            answer = await world.http.get("/v1/things/a")
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
        assert (await world.http.get("/v1/things/a")).status_code == 200
