"""Calls between services of one process."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from common.http.in_process import InProcess


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    if request.url.path == "/fail":
        raise RuntimeError("as it happens")
    if request.url.path == "/stream":
        pieces = (piece for piece in (b"one ", b"two"))
        await StreamingResponse(pieces, status_code=203)(scope, receive, send)
        return
    said = {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.query_params),
        "body": (await request.body()).decode(),
        "header": request.headers["x-said"],
    }
    await JSONResponse(said, status_code=201, headers={"x-answer": "yes"})(scope, receive, send)


THINGS = InProcess(echo, host="things")


async def test_a_request_arrives_whole_and_so_does_its_answer() -> None:
    answer = await THINGS.request("POST", "/a%20b", params={"q": "ü"}, content=b"body", headers={"X-Said": "this"})
    assert answer.status_code == 201
    assert (b"x-answer", b"yes") in answer.headers
    expected = {"method": "POST", "path": "/a b", "query": {"q": "ü"}, "body": "body", "header": "this"}
    assert json.loads(answer.content) == expected


async def test_a_query_may_be_part_of_the_path() -> None:
    answer = await THINGS.request("GET", "/a?q=%C3%BC&of=1", headers={"X-Said": ""})
    assert json.loads(answer.content)["query"] == {"q": "ü", "of": "1"}


async def test_a_stream_is_read_to_its_end() -> None:
    answer = await THINGS.request("GET", "/stream", headers={})
    assert (answer.status_code, answer.content) == (203, b"one two")


async def test_an_application_that_fails_without_an_answer_is_a_500() -> None:
    answer = await THINGS.request("GET", "/fail", headers={})
    assert (answer.status_code, answer.content) == (500, b"")
