"""Calls between services of one process."""

from __future__ import annotations

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from common.http.in_process import InProcessTransport


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


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=InProcessTransport(echo), base_url="http://things")


async def test_a_request_arrives_whole_and_so_does_its_answer() -> None:
    async with client() as http:
        answer = await http.post("/a%20b", params={"q": "ü"}, content=b"body", headers={"X-Said": "this"})
    assert (answer.status_code, answer.headers["x-answer"]) == (201, "yes")
    expected = {"method": "POST", "path": "/a b", "query": {"q": "ü"}, "body": "body", "header": "this"}
    assert answer.json() == expected


async def test_a_stream_is_read_to_its_end() -> None:
    async with client() as http:
        answer = await http.get("/stream")
    assert (answer.status_code, answer.content) == (203, b"one two")


async def test_an_application_that_fails_without_an_answer_is_a_500() -> None:
    async with client() as http:
        answer = await http.get("/fail")
    assert (answer.status_code, answer.content) == (500, b"")
