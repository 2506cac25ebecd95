"""The log: what happened can be read, followed, verified and rebuilt; what was tampered with is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.platforms import Platform


def test_every_call_and_change_of_a_training_is_there(platform: Platform, session: str) -> None:
    job = platform.train(session)
    traced = platform.json("log", "trace", job["id"])["items"]
    types = [one["event"]["type"].removeprefix("autolearn.").removesuffix(".v1") for one in traced]
    for expected in ("call.received", "call.sent", "training.queued", "training.started", "training.succeeded"):
        assert expected in types
    assert {one["event"]["source"] for one in traced} >= {"training", "session", "catalog"}
    assert platform.get(f"/v1/log/traces/{job['trace_id']}")["items"]
    shown = platform.get("/v1/log/events", kind="state", record=job["id"], order="asc")["items"]
    assert [one["event"]["sequence"] for one in shown] == list(range(1, len(shown) + 1))
    assert platform.cli("log", "show", "--json").document["items"]


def test_the_stream_resumes_where_it_ended(platform: Platform, session: str) -> None:
    last = platform.get("/v1/log/events", limit=1)["items"][0]["arrival"]
    opened = platform.session(name="seen in the stream")
    with platform.http.stream("GET", "/v1/log/stream", headers={"last-event-id": str(last)}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and json.loads(line[5:])["event"].get("subject") == opened:
                break


def test_it_is_verified_and_rebuilt(platform: Platform, session: str) -> None:
    platform.train(session)
    platform.settle()
    verified = platform.json("log", "verify")
    assert verified["ok"] is True
    assert {one["service"] for one in verified["services"]} == {
        "catalog",
        "training",
        "evaluation",
        "session",
        "storage",
    }
    rebuilt = platform.json("log", "rebuild", "--into", "proof")
    assert rebuilt["ok"] is True
    assert all(one["digest"] == one["stored_digest"] for one in rebuilt["services"])


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A platform of this test alone, whose files are spoiled."""
    with Platform(tmp_path) as platform:
        yield platform


@pytest.mark.parametrize(
    ("file", "sql"),
    [
        ("records.db", "UPDATE record_sessions SET state = json_set(state, '$.name', 'tampered')"),
        ("events.db", "UPDATE event SET body = json_set(body, '$.data.name', 'tampered') WHERE record = ?1"),
        ("events.db", "DELETE FROM event WHERE record = ?1"),
    ],
)
def test_tampering_is_named(own: Platform, file: str, sql: str) -> None:
    session = own.session(name="mine")
    assert own.stop() == 0
    connection = apsw.Connection(str(own.data / file))
    connection.execute(sql, (session,) if "?1" in sql else ())
    connection.close()
    own.start()
    said = own.cli("log", "verify")
    assert said.code == 1, said
    assert session in said.out + said.err
