"""Streams that end when the server does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from common.http.endless import MARK, Endless

MARKED = {MARK[0].decode(): MARK[1].decode()}


async def drip() -> AsyncIterator[bytes]:
    yield b"a"
    await asyncio.Event().wait()


async def asked(app: Callable[[Scope, Receive, Send], Awaitable[None]], said: list[Message]) -> None:
    async def send(message: Message) -> None:
        said.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    await app({"type": "http", "method": "GET", "path": "/"}, receive, send)


async def dripping(said: list[Message]) -> None:
    while len(said) < 2:
        await asyncio.sleep(0)


@pytest.mark.parametrize("late", [False, True])
async def test_a_stream_becomes_a_whole_answer(late: bool) -> None:
    streams, said = Endless(StreamingResponse(drip(), headers=MARKED)), list[Message]()
    if late:
        streams.end()
    task = asyncio.create_task(asked(streams, said))
    if not late:
        await dripping(said)
        streams.end()
    async with asyncio.timeout(5):
        await task
    assert said[0]["status"] == 200
    assert said[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_other_answers_and_other_cancellations_are_left_alone() -> None:
    streams, said = Endless(StreamingResponse(drip())), list[Message]()
    task = asyncio.create_task(asked(streams, said))
    await dripping(said)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    said.clear()
    streams = Endless(StreamingResponse(drip()))
    task = asyncio.create_task(asked(streams, said))
    await dripping(said)
    streams.end()
    await asyncio.wait({task}, timeout=0.02)
    assert not task.done()
    task.cancel()  # as the server does when the time to end is over
    await task
    assert len(said) == 2, "what was cut off must not look whole"


@pytest.mark.parametrize("headers", [MARKED, {}])
async def test_what_breaks_when_the_reader_has_gone_is_no_failure(headers: dict[str, str]) -> None:
    async def burst(scope: Scope, receive: Receive, send: Send) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        assert (await receive())["type"] == "http.disconnect"
        raise ExceptionGroup("streams", [OSError("broken")])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        assert message["status"] == 200

    failure = contextlib.nullcontext() if headers else pytest.raises(ExceptionGroup, match="streams")
    with failure:
        await Endless(burst)({"type": "http", "method": "GET", "path": "/"}, receive, send)
