"""Reading, following, verifying and rebuilding the log through the gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common import context, ids
from common.records.repository import Decision
from gateway_service.events import Events, Selection
from tests.factories import MovableLog
from tests.unit.gateway_service.conftest import World, job


async def make(world: World, name: str, changes: int = 0) -> str:
    identifier = ids.new_id({"training": "trn", "session": "ses"}.get(name, "exp"))
    with context.use(context.fresh("ada")):
        await world.records[name].create(identifier, f"{name}.made", {"number": 0})
        for number in range(changes):
            await world.records[name].decide(identifier, lambda _, n=number: Decision(f"{name}.changed", {"number": n}))
    return identifier


async def test_own_calls_are_seen_at_once_and_reading_is_not_logged(world: World) -> None:
    await world.http.get("/v1/trainings")
    for _ in range(2):
        page = (await world.http.get("/v1/log/events")).json()
        assert [each["event"]["data"]["route"] for each in page["items"]] == ["/v1/trainings"]
    assert page["items"][0]["position"] is None
    assert page["next"] is None


async def test_events_are_selected_ordered_and_paged(world: World) -> None:
    record = await make(world, "training", changes=4)
    other = await make(world, "storage")
    query: dict[str, Any] = {"record": record, "order": "asc", "limit": 2}
    seen: list[int] = []
    while True:
        page = (await world.http.get("/v1/log/events", params=query)).json()
        seen += [each["event"]["sequence"] for each in page["items"]]
        assert all(each["position"] == each["arrival"] for each in page["items"])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert sorted(seen) == [1, 2, 3, 4, 5]
    newest = (await world.http.get("/v1/log/events", params={"kind": "state", "service": "storage"})).json()
    assert [each["event"]["subject"] for each in newest["items"]] == [other]
    nobody = (
        await world.http.get("/v1/log/events", params={"actor": "ada", "since": "2999-01-01T00:00:00+02:00"})
    ).json()
    assert nobody == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "bad_request"),
        ({"kind": "calls"}, "bad_request"),
        ({"cursor": "xxx"}, "bad_request"),
        ({"sort": "time"}, "unknown_parameter"),
        ({"limit": "501"}, "bad_request"),
    ],
)
async def test_wrong_queries(world: World, query: dict[str, str], code: str) -> None:
    answer = await world.http.get("/v1/log/events", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_trace_shows_calls_and_changes(world: World) -> None:
    record = await make(world, "training")
    world.jobs["training"] = [job("training", 1, "2026-11-28T10:00:00.000Z", id=record)]
    await world.http.get(f"/v1/trainings/{record}")
    changes = (await world.http.get("/v1/log/events", params={"record": record, "kind": "state"})).json()["items"]
    trace = changes[0]["event"]["correlationid"]
    found = (await world.http.get(f"/v1/log/traces/{trace}")).json()["items"]
    assert [each["event"]["type"] for each in found] == ["autolearn.training.made.v1"]
    for reference in (record, record[-8:]):
        found = (await world.http.get(f"/v1/log/traces/{reference}")).json()["items"]
        kinds = [each["event"]["type"] for each in found]
        assert "autolearn.training.made.v1" in kinds
        assert "autolearn.call.received.v1" in kinds
        assert found == sorted(found, key=lambda each: each["event"]["time"])
    assert (await world.http.get(f"/v1/log/traces/{'0' * 32}")).status_code == 404
    assert (await world.http.get("/v1/log/traces/nothing")).status_code == 404


async def test_recent_calls_come_from_memory(world: World) -> None:
    for path in ("/v1/trainings", "/v1/evaluations"):
        await world.http.get(path)
    items = (await world.http.get("/v1/log/recent", params={"limit": 1})).json()["items"]
    assert [each["data"]["path"] for each in items] == ["/v1/evaluations"]


async def _messages(world: World, path: str, headers: list[tuple[bytes, bytes]]) -> AsyncIterator[Any]:
    """The messages of a stream over ASGI (httpx's transport would wait for its end)."""
    where, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": where, "raw_path": where.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"localhost"), *headers], "server": ("localhost", 80), "client": None,
    }  # fmt: skip
    said: asyncio.Queue[Any] = asyncio.Queue()
    leave = asyncio.Event()

    async def receive() -> Any:
        await leave.wait()
        return {"type": "http.disconnect"}

    task = asyncio.create_task(world.front(scope, receive, said.put))
    try:
        while True:
            yield await said.get()
    finally:
        leave.set()
        await task


async def _followed(world: World, path: str, count: int, headers: list[tuple[bytes, bytes]] | None = None) -> list[Any]:
    found: list[Any] = []
    stream = _messages(world, path, headers or [])
    async for message in stream:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            continue
        for block in message["body"].decode().split("\n\n"):
            lines = dict(
                line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":")
            )
            if "data" in lines:
                found.append((int(lines["id"]), json.loads(lines["data"])))
        if len(found) >= count:
            break
    await stream.aclose()  # type: ignore[attr-defined]
    return found


async def test_the_stream_resumes_where_it_ended(world: World) -> None:
    record = await make(world, "training", changes=3)
    await world.http.get("/v1/log/events")
    first = await _followed(world, "/v1/log/stream?after=0", 4)
    assert [each["event"]["sequence"] for _, each in first] == [1, 2, 3, 4]
    assert all(number == each["arrival"] for number, each in first)
    rest = await _followed(
        world, f"/v1/log/stream?after=0&record={record}", 2, [(b"last-event-id", b"%d" % first[1][0])]
    )
    assert [each["event"]["sequence"] for _, each in rest] == [3, 4]


async def test_the_stream_begins_now_and_hears_what_comes(world: World) -> None:
    await make(world, "training")
    following = asyncio.create_task(_followed(world, "/v1/log/stream?kind=state&service=storage", 1))
    # The stream begins where the log ends: something has to come after that, whenever that is.
    while not following.done():
        await make(world, "storage")
        await asyncio.wait([following], timeout=0.5)
    assert [each["event"]["source"] for _, each in await following] == ["storage"]
    answer = await world.http.get("/v1/log/stream", headers={"last-event-id": "x"})
    assert answer.status_code == 400


async def test_following_without_news_waits(world: World) -> None:
    async def settled() -> None:
        return None

    stream = Events(world.runtime.log, settled).follow(Selection(), None)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()
    record = await make(world, "training")
    assert (await waiting).event["subject"] == record


async def test_a_stream_outlives_a_log_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def settled() -> None:
        return None

    monkeypatch.setattr("gateway_service.events._PAUSE", 0.001)
    log = MovableLog(world.runtime.log)
    log.away = True
    stream = Events(log, settled).follow(Selection(), 0)
    waiting = asyncio.ensure_future(anext(stream))
    record = await make(world, "training")
    await world.http.get("/v1/log/events?kind=state")
    await asyncio.wait([waiting], timeout=0.02)
    assert not waiting.done()
    log.away = False
    assert (await waiting).event["subject"] == record


async def test_while_calls_wait_for_the_log_it_is_said_to_be_away(world: World) -> None:
    world.runtime.journal.behind = True
    answer = await world.http.get("/v1/log/events")
    assert answer.status_code == 503 and "event log is away" in answer.json()["detail"]
    assert (await world.http.get("/readyz")).json()["degraded"][0].startswith("event log is away")
    assert (await world.http.get("/v1/log/recent")).status_code == 200


async def test_verification_asks_every_service(world: World) -> None:
    for name in ("training", "storage"):
        await make(world, name, changes=2)
    found = (await world.http.get("/v1/log:verify")).json()
    assert (found["ok"], found["records"], found["events"]) == (True, 2, 6)
    assert [service["service"] for service in found["services"]] == [
        "catalog",
        "training",
        "evaluation",
        "session",
        "storage",
    ]


async def test_verification_finds_what_was_tampered_with(world: World) -> None:
    record = await make(world, "training", changes=2)
    await world.http.get("/v1/log/events")
    stored = await world.records["training"].get(record)
    await world.runtime.store.delete("training_things", record)
    await world.runtime.store.insert(
        "training_things", type(stored)(record, 3, stored.head, {**stored.state, "number": 9})
    )
    stranger = {
        "specversion": "1.0", "id": "evt_x", "type": "autolearn.ghost.made.v1", "source": "ghost", "subject": "gho_1",
        "sequence": 1, "time": "2026-11-28T10:00:00.000Z", "prevhash": "", "data": {},
    }  # fmt: skip
    await world.runtime.log.append([stranger])
    found = (await world.http.get("/v1/log:verify")).json()
    assert found["ok"] is False
    flaws = [flaw for service in found["services"] for flaw in service["flaws"]]
    assert [(flaw["record"], flaw["kind"]) for flaw in flaws] == [(record, "state"), ("gho_1", "unknown_source")]


async def test_rebuilding_gives_the_same_digests(world: World) -> None:
    for name in ("training", "storage", "storage"):
        await make(world, name, changes=2)
    answer = await world.http.post("/v1/log:rebuild", json={"into": "copy"}, headers={"prefer": "wait=10"})
    assert (answer.status_code, answer.json()["state"], answer.json()["ok"]) == (200, "done", True)
    services = {each["service"]: each for each in answer.json()["services"]}
    assert services["storage"]["records"] == 2
    assert services["storage"]["digest"] == services["storage"]["stored_digest"]
    assert (await world.http.get(answer.headers["location"])).json() == answer.json()
    assert world.runtime.rebuilt_path("copy").exists()
    again = await world.http.post("/v1/log:rebuild", json={"into": "copy"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await world.http.post("/v1/log:rebuild", json={"into": "../x"})).status_code == 422
    assert (await world.http.get("/v1/log/rebuilds/none")).status_code == 404


async def test_a_repeated_rebuild_is_the_same(world: World) -> None:
    key = {"idempotency-key": "k"}
    first = await world.http.post("/v1/log:rebuild", json={"into": "one"}, headers=key)
    assert first.status_code == 202
    again = await world.http.post("/v1/log:rebuild", json={"into": "one"}, headers={**key, "prefer": "wait=10"})
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")
    other = await world.http.post("/v1/log:rebuild", json={"into": "two"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
