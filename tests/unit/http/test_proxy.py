"""A service of another process behind this one: what passes, in which pieces, and what happens when one end goes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from common.http.proxy import Proxy
from common.http.server import listening, url_of


class Upstream:
    """The other process: an application that says what reached it."""

    def __init__(self) -> None:
        self.seen: dict[str, object] = {}
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()

    def app(self) -> FastAPI:
        app = FastAPI(title="upstream")

        @app.api_route("/v1/things/{rest:path}", methods=["GET", "POST", "DELETE"])
        async def things(rest: str, request: Request) -> Response:
            body = await request.body()
            self.seen = {
                "path": request.scope["raw_path"], "query": request.url.query, "body": body, "rest": rest,
                "headers": dict(request.headers),
            }  # fmt: skip
            return Response(body, status_code=207, headers={"x-mine": "yes", "etag": '"1"'})

        @app.get("/stream")
        async def stream() -> StreamingResponse:
            async def pieces() -> AsyncIterator[bytes]:
                try:
                    yield b"first"
                    await self.go_on.wait()
                    yield b"second"
                finally:
                    self.ended.set()

            return StreamingResponse(pieces())

        @app.get("/readyz")
        async def readyz() -> Response:
            return JSONResponse({"code": "unavailable", "degraded": ["disk is full"]}, status_code=503)

        @app.post("/early")
        async def early() -> Response:
            return Response("too much", status_code=413)

        return app


@contextlib.asynccontextmanager
async def served(app: Callable[..., object]) -> AsyncIterator[tuple[str, socket.socket]]:
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))  # type: ignore[arg-type]
        running = asyncio.ensure_future(server._serve([listener]))  # without its signal handlers
        try:
            yield url_of(listener), listener
        finally:
            server.should_exit = True
            await running


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def client(upstream: Upstream) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose application is the proxy."""
    async with served(upstream.app()) as (inner, _):
        proxy = Proxy("training", inner)
        async with served(proxy) as (outer, _), httpx.AsyncClient(base_url=outer, timeout=20) as found:
            yield found
        await proxy.aclose()


@pytest.mark.parametrize("path", ["/v1/things/a%2Fb:cancel?x=1&y=%20", "/v1/things/%C3%A9?cursor=a%2Bb"])
async def test_paths_and_queries_pass_as_they_were_written(
    client: httpx.AsyncClient, upstream: Upstream, path: str
) -> None:
    answer = await client.get(path, headers={"traceparent": "00-1", "autolearn-actor": "ann"})
    assert (answer.status_code, answer.headers["x-mine"], answer.headers["etag"]) == (207, "yes", '"1"')
    assert upstream.seen["path"] == path.partition("?")[0].encode()
    assert upstream.seen["query"] == path.partition("?")[2]
    headers = upstream.seen["headers"]
    assert isinstance(headers, dict)
    assert headers["traceparent"] == "00-1"
    assert "content-length" not in headers and "transfer-encoding" not in headers


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000])
async def test_bodies_pass_with_their_length(client: httpx.AsyncClient, upstream: Upstream, body: bytes) -> None:
    answer = await client.post("/v1/things/x", content=body)
    assert answer.content == body == upstream.seen["body"]
    headers = upstream.seen["headers"]
    assert isinstance(headers, dict)
    assert headers["content-length"] == str(len(body))


async def test_a_body_without_a_length_passes_in_pieces(client: httpx.AsyncClient, upstream: Upstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"y" * 1_000

    answer = await client.post("/v1/things/x", content=pieces())
    assert answer.content == b"y" * 5_000


async def test_a_stream_arrives_as_it_comes(client: httpx.AsyncClient, upstream: Upstream) -> None:
    async with client.stream("GET", "/stream") as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"first"
        upstream.go_on.set()
        assert await anext(pieces) == b"second"


async def test_who_hangs_up_ends_the_stream_at_its_source(client: httpx.AsyncClient, upstream: Upstream) -> None:
    async with client.stream("GET", "/stream") as answer:
        assert await anext(answer.aiter_raw()) == b"first"
    await asyncio.wait_for(upstream.ended.wait(), 10)


async def test_an_answer_may_come_before_the_body_has_ended(client: httpx.AsyncClient) -> None:
    answer = await client.post("/early", content=b"z" * 2_000_000)
    assert (answer.status_code, answer.text) == (413, "too much")


async def test_a_service_that_is_away_is_503_with_a_problem() -> None:
    with listening("127.0.0.1", 0) as listener:
        nobody = url_of(listener)
    proxy = Proxy("training", nobody)
    async with served(proxy) as (outer, _), httpx.AsyncClient(base_url=outer, timeout=20) as client:
        for answer in (await client.get("/v1/trainings"), await client.post("/v1/trainings", content=b"{}")):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["content-type"] == "application/problem+json"
            assert "training" in answer.json()["detail"]
    assert await proxy.complaints() == ["does not answer"]
    await proxy.aclose()


async def test_what_a_service_complains_of_is_heard(upstream: Upstream) -> None:
    async with served(upstream.app()) as (inner, _):
        proxy = Proxy("training", inner)
        assert await proxy.complaints() == ["disk is full"]
        await proxy.aclose()


async def test_an_answer_that_breaks_off_does_not_look_whole() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(broken, "127.0.0.1", 0) as inner:
        proxy = Proxy("training", f"http://127.0.0.1:{inner.sockets[0].getsockname()[1]}")
        async with served(proxy) as (outer, _), httpx.AsyncClient(base_url=outer, timeout=20) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/x")
        await proxy.aclose()
