"""Opening, finding and keeping sessions."""

from __future__ import annotations

from typing import Any

import pytest

from common import times

Stage = Any


async def test_a_session_is_found_by_name_id_and_ending(stage: Stage) -> None:
    session = await stage.open(name="birds of prey", note="secret")
    for reference in (session, "birds of prey", session[-6:]):
        assert (await stage.show(reference))["id"] == session
    shown = await stage.show(session)
    assert (shown["state"], shown["note"], shown["records"], shown["open_jobs"]) == ("open", "secret", 0, [])
    assert shown["expires"] == times.later(shown["used"], 30 * 86_400)


async def test_a_session_without_a_name_gets_one(stage: Stage) -> None:
    session = await stage.open()
    assert (await stage.show(session))["name"] == f"session-{session[-8:]}"


async def test_two_open_sessions_of_one_name_are_ambiguous_until_one_is_closed(stage: Stage) -> None:
    first, second = await stage.open(name="twin"), await stage.open(name="twin")
    answer = await stage.sessions.get("/v1/sessions/twin")
    assert answer.status_code == 409
    assert sorted(answer.json()["candidates"]) == sorted([first, second])
    await stage.sessions.post(f"/v1/sessions/{first}:discard")
    assert (await stage.show("twin"))["id"] == second
    # Those that have ended have the name when no open one has it.
    await stage.sessions.post(f"/v1/sessions/{second}:discard")
    answer = await stage.sessions.get("/v1/sessions/twin")
    assert sorted(answer.json()["candidates"]) == sorted([first, second])
    third = await stage.open(name="only")
    await stage.sessions.post(f"/v1/sessions/{third}:discard")
    assert (await stage.show("only"))["state"] in ("discarding", "discarded")
    assert (await stage.sessions.get("/v1/sessions/never")).status_code == 404


@pytest.mark.parametrize("name", ["a/b", " a", "a\n", ""])
async def test_a_name_that_cannot_stand_in_a_path_is_refused(stage: Stage, name: str) -> None:
    answer = await stage.sessions.post("/v1/sessions", json={"name": name})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


async def test_the_note_is_nowhere_in_clear(stage: Stage, tmp_path: Any) -> None:
    await stage.open(note="a very secret note")
    await stage.runtime.relay.ship()
    await stage.runtime.journal.flush()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"very secret" not in path.read_bytes()


async def test_the_list_shows_the_newest_first_and_pages(stage: Stage) -> None:
    opened = [await stage.open(name=f"s{number}") for number in range(3)]
    page = (await stage.sessions.get("/v1/sessions", params={"limit": 2, "filter": "state = open"})).json()
    assert [one["id"] for one in page["items"]] == opened[:0:-1]
    query = {"limit": 2, "filter": "state = open", "cursor": page["next"]}
    rest = (await stage.sessions.get("/v1/sessions", params=query)).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([opened[0]], None)


async def test_a_repeated_request_with_one_key_opens_one_session(stage: Stage) -> None:
    headers = {"idempotency-key": "k1"}
    first = await stage.sessions.post("/v1/sessions", json={"name": "a"}, headers=headers)
    again = await stage.sessions.post("/v1/sessions", json={"name": "a"}, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    other = await stage.sessions.post("/v1/sessions", json={"name": "b"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_keep_moves_the_end_but_never_back(stage: Stage) -> None:
    session = await stage.open(expires_in=3_600)
    before = (await stage.show(session))["expires"]
    answer = await stage.sessions.post(f"/v1/sessions/{session}:keep", json={"for": 7_200})
    assert answer.json()["expires"] > before
    shorter = await stage.sessions.post(f"/v1/sessions/{session}:keep", json={"for": 60})
    assert shorter.json()["expires"] == answer.json()["expires"]


async def test_an_unknown_session_is_not_found(stage: Stage) -> None:
    assert (await stage.sessions.get("/v1/sessions/nothing")).status_code == 404


async def test_internal_routes_need_the_service_token(stage: Stage) -> None:
    session = await stage.open()
    assert (await stage.sessions.get(f"/internal/keys/{session}")).status_code == 401


async def test_a_reservation_is_idempotent_and_names_the_key(stage: Stage) -> None:
    session = await stage.open(name="r")
    client = stage.runtime.client("session", caller="training")
    body = {"job": "trn_0123456789ab", "kind": "training"}
    first = await client.call("POST", "/internal/sessions/r:reserve", body=body)
    again = await client.call("POST", f"/internal/sessions/{session}:reserve", body=body)
    assert first == again
    assert first["session"] == session
    assert (await client.call("GET", f"/internal/keys/{session}"))["key"] == first["key"]
    assert (await stage.show(session))["open_jobs"] == [body["job"]]
    await client.call("POST", f"/internal/sessions/{session}:release", body={"job": body["job"]})
    assert (await stage.show(session))["open_jobs"] == []
