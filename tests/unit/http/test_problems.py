"""Every way to fail leaves as a problem document that says enough, and not too much."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import structlog

from common import context, errors

World = Any
CLASSES = errors.all_classes()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
async def test_every_class_has_its_document(world: World, kind: type[errors.AutoLearnError]) -> None:
    with structlog.testing.capture_logs():
        answer = await world.http.get(f"/v1/errors/{kind.code}")
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document == {
        "type": f"urn:autolearn:problem:{kind.code}",
        "title": kind("").title,
        "status": kind.status,
        "detail": "as said",
        "instance": f"/v1/errors/{kind.code}",
        "code": kind.code,
        "errors": [],
        "trace_id": document["trace_id"],
    }
    assert document["trace_id"] in answer.headers["traceparent"]
    assert answer.headers["retry-after"] == "2"
    assert type(errors.from_problem(document)) is kind


@pytest.mark.parametrize("bug", ["bug", "bug in the text"])
async def test_an_unexpected_exception_tells_the_log_and_hides_from_the_caller(world: World, bug: str) -> None:
    trace = context.fresh()
    with structlog.testing.capture_logs() as told:
        answer = await world.http.get(f"/v1/errors/{bug}", headers={"traceparent": trace.traceparent})
    document = answer.json()
    assert (answer.status_code, document["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text and "Error" not in answer.text
    assert document["trace_id"] == trace.trace_id
    assert trace.trace_id in answer.headers["traceparent"]
    assert [one["event"] for one in told] == ["unexpected error"]
    (call,) = await world.calls()
    assert (call["status"], call["outcome"]) == (500, "failed")
    assert call["response_size"] == len(answer.content)


async def test_what_is_found_after_the_answer_began_breaks_it_off(world: World) -> None:
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://things") as http:
        with pytest.raises(RuntimeError, match="response already started") as broken:
            await http.get("/v1/late-stream")
    assert isinstance(broken.value.__cause__, errors.IntegrityError)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/things/", 404, "not_found"),
        ("GET", "/v1/things", 405, "method_not_allowed"),
        ("GET", "/v1/things/a?full=perhaps", 400, "bad_request"),
        ("GET", "/v1/things/a?fill=true", 400, "unknown_parameter"),
        ("POST", "/v1/things?name=a", 400, "unknown_parameter"),
        ("GET", "/v1/list?limit=0", 400, "bad_request"),
        ("GET", "/v1/list?limit=501", 400, "bad_request"),
        ("GET", "/v1/list?filter=name%20%3D", 422, "bad_filter"),
        ("GET", "/v1/list?sort=nothing", 422, "bad_filter"),
        ("GET", "/v1/list?cursor=nonsense", 400, "bad_request"),
    ],
)
async def test_what_the_framework_refuses(world: World, method: str, path: str, status: int, code: str) -> None:
    body = {"content": b'{"name": "a"}', "headers": {"content-type": "application/json"}} if method == "POST" else {}
    answer = await world.http.request(method, path, **body)
    document = answer.json()
    assert (answer.status_code, document["code"], document["status"]) == (status, code, status), document
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert answer.headers["allow"] == "POST"


async def test_unknown_parameters_are_named_with_those_that_are_known(world: World) -> None:
    document = (await world.http.get("/v1/list?limt=5&filtre=a")).json()
    assert "known: cursor, filter, limit, sort" in document["detail"]
    assert [flaw["pointer"] for flaw in document["errors"]] == ["?filtre", "?limt"]


async def test_every_flaw_of_a_body_is_told_at_its_place(world: World) -> None:
    document = (await world.http.post("/v1/things", json={"size": "x", "parameters": [], "a/b": 1})).json()
    found = {(flaw["pointer"], flaw["code"]) for flaw in document["errors"]}
    expected = {("/name", "missing"), ("/size", "int_type"), ("/parameters", "dict_type"), ("/a~1b", "unknown_field")}
    assert found == expected
    assert document["detail"] == "4 things in the request are wrong"


async def test_an_unknown_field_is_told_what_it_resembles(world: World) -> None:
    answer = await world.http.post("/v1/things", json={"name": "a", "sise": 3})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/sise",
            "code": "unknown_field",
            "detail": "there is no field 'sise'; there are: name, size, parameters",
            "suggestions": ["size"],
        }
    ]
