"""Retries, idempotency, traces and the ways in which a server can be absent."""

from __future__ import annotations

import asyncio
import socket
import time

import httpx
import pytest

from autolearn.aio.client import Client
from autolearn.failures import Unreachable
from autolearn.finding import Place
from autolearn.transport import Patience, Transport
from common import errors
from tests.unit.autolearn.fake_server import FakePlatform
from tests.unit.autolearn.fake_state import problem


async def test_a_busy_server_is_asked_again_with_the_same_key(client: Client, platform: FakePlatform) -> None:
    platform.refusals = [
        problem(errors.Unavailable(), Retry_After="0"),
        problem(errors.TooManyRequests(), Retry_After="0"),
        problem(errors.KeyBusy()),
    ]
    await client.sessions.open()
    keys = {request.headers["Idempotency-Key"] for request in platform.requests}
    assert len(platform.requests) == 4 and len(keys) == 1 and len(platform.sessions) == 1


async def test_every_call_has_a_trace_and_every_change_a_key_of_its_own(client: Client, platform: FakePlatform) -> None:
    await client.sessions.open()
    await client.sessions.open()
    await client.info()
    headers = [request.headers for request in platform.requests]
    assert all(each["traceparent"].startswith("00-") for each in headers)
    assert headers[0]["idempotency-key"] != headers[1]["idempotency-key"]
    assert "idempotency-key" not in headers[2]


async def test_a_retry_that_the_server_puts_off_too_long_is_not_made(client: Client, platform: FakePlatform) -> None:
    platform.refusals = [problem(errors.Unavailable("draining"), Retry_After="3600")]
    with pytest.raises(errors.Unavailable, match="draining") as caught:
        await client.sessions.open()
    assert caught.value.retry_after == 3600
    assert len(platform.requests) == 1


async def test_other_refusals_are_final(client: Client, platform: FakePlatform) -> None:
    platform.refusals = [problem(errors.StorageFull())]
    with pytest.raises(errors.StorageFull):
        await client.sessions.open()
    assert len(platform.requests) == 1


async def test_a_frozen_server_is_told_from_a_busy_one() -> None:
    alive = False

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/livez" and alive:
            return httpx.Response(200, json={})
        await asyncio.sleep(0.2)
        if not alive:
            raise httpx.ReadTimeout("frozen", request=request)
        return httpx.Response(200, json={"late": True})

    place = Place("http://test", None, "test")
    transport = Transport(place, patience=Patience(silence=0.05), transport=httpx.MockTransport(answer))
    with pytest.raises(Unreachable, match="accepts connections but does not answer"):
        await transport.get("/v1/datasets")
    alive = True
    assert await transport.get("/v1/datasets") == {"late": True}
    await transport.close()


async def test_a_missing_server_is_reported_within_five_seconds() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else will
        place = Place(f"http://127.0.0.1:{reserved.getsockname()[1]}", None, "test")
        begin = time.monotonic()
        async with Client(place) as client:
            with pytest.raises(Unreachable, match=r"connection refused.*autolearn up"):
                await client.info()
        assert time.monotonic() - begin < 5


async def test_a_server_that_accepts_and_says_nothing_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Place(f"http://127.0.0.1:{silent.getsockname()[1]}", None, "test")
        async with Client(place, patience=Patience(answer=0.2)) as client:
            with pytest.raises(Unreachable, match=r"did not answer within 0\.2 s"):
                await client.info()


async def test_a_connection_lost_during_a_change_is_tried_again_with_the_same_key() -> None:
    seen: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            raise httpx.RemoteProtocolError("server disconnected without sending a response")
        return httpx.Response(200, json={})

    transport = Transport(Place("http://test", None, "test"), transport=httpx.MockTransport(answer))
    await transport.send("POST", "/v1/sessions", json={})
    await transport.close()
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1 and len(seen) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(502, text="<html>bad gateway</html>"), errors.AutoLearnError),
        (httpx.Response(404, json=["not", "a", "problem"]), Unreachable),
        (httpx.Response(404, json={"status": 404, "code": "not_found", "detail": "x"}), errors.NotFound),
        (httpx.Response(413, text="<html>too large</html>"), errors.TooLarge),
        (httpx.Response(422, json={"status": 422, "code": "bad_data", "detail": "x"}), errors.BadData),
        (httpx.Response(422, json={"status": 422, "code": "of_the_future"}), errors.Invalid),
        (httpx.Response(200, text="hello"), Unreachable),
    ],
)
async def test_what_an_answer_means(answer: httpx.Response, error: type[Exception]) -> None:
    transport = Transport(Place("http://test", None, "test"), transport=httpx.MockTransport(lambda request: answer))
    with pytest.raises(errors.AutoLearnError) as caught:
        await transport.get("/v1/info")
    await transport.close()
    assert type(caught.value) is error


async def test_the_token_is_sent() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    transport = Transport(Place("http://test", "s3cret", "test"), transport=httpx.MockTransport(answer))
    await transport.get("/v1/info", limit=None, flag=True, many=[1, 2])
    await transport.close()
    assert seen[0].headers["Authorization"] == "Bearer s3cret"
    assert seen[0].url.query == b"flag=true&many=1&many=2"
