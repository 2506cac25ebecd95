"""Who is let in at the door, who waits, and who is told to come again."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from common.http import admission
from common.http.admission import Admission
from common.http.pacing import Pace
from tests.eventually import until

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Handler:
    """An application whose requests wait to be told to answer; `waits` is called first."""

    def __init__(self) -> None:
        self.open: list[asyncio.Event] = []
        self.at_work: Callable[[], object] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.at_work()
        answer = asyncio.Event()
        self.open.append(answer)
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await answer.wait()
        if scope["path"] != "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(door: Admission, path: str = "/v1/datasets") -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("no body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    told = [(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())]
    await door({"type": "http", "path": path, "method": "GET", "headers": told}, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


def begun(count: int, door: Admission, path: str = "/v1/datasets") -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(ask(door, path)) for _ in range(count)]


async def ended(handler: Handler, asked: list[asyncio.Task[Any]]) -> list[int]:
    while not all(one.done() for one in asked):
        for one in handler.open:
            one.set()
        await asyncio.sleep(0)
    return [one.result()[0] for one in asked]


async def test_beyond_the_limit_is_refused_in_the_trace_of_the_request_and_health_is_answered() -> None:
    handler = Handler()
    door = Admission(handler, limit=3, patience=60)
    asked = begun(3, door)
    await until(lambda: len(handler.open) == 3)
    status, headers, body = await ask(door)
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "1", "application/problem+json")
    assert TRACE in headers["traceparent"]
    problem = json.loads(body)
    assert (problem["code"], problem["trace_id"]) == ("unavailable", TRACE)
    assert "3 requests are in flight" in problem["detail"]
    health = begun(1, door, "/livez")
    assert await ended(handler, [*asked, *health]) == [200] * 4
    assert await ended(handler, begun(3, door)) == [200] * 3


async def test_few_work_at_once_and_the_rest_in_the_order_of_coming() -> None:
    handler = Handler()
    door = Admission(handler, limit=100, patience=60, at_work=2)
    asked = begun(10, door)
    for count in range(2, 11):
        await until(lambda count=count: len(handler.open) == count)  # type: ignore[misc]
        handler.open[count - 2].set()
        await asked[count - 2]
        assert not any(one.done() for one in asked[count - 1 :])
    assert await ended(handler, asked) == [200] * 10


async def test_who_waits_too_long_is_refused_and_takes_no_place() -> None:
    handler = Handler()
    door = Admission(handler, limit=10, patience=0.01, at_work=1)
    first = begun(1, door)
    await until(lambda: len(handler.open) == 1)
    status, _, body = await ask(door)
    assert status == 503
    assert b"kept this one waiting" in body
    assert await ended(handler, first) == [200]
    assert await ended(handler, begun(2, door)) == [200] * 2


async def test_a_caller_who_goes_while_waiting_takes_no_place() -> None:
    handler = Handler()
    door = Admission(handler, limit=10, patience=60, at_work=1)
    first, *rest = begun(3, door)
    await until(lambda: len(handler.open) == 1)
    handler.open[0].set()
    await first  # its place is on its way to the second, which goes in this moment
    for one in rest:
        one.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    assert await ended(handler, begun(2, door)) == [200] * 2


@pytest.mark.parametrize("how", ["a stream", "a wait", "a slow one"])
async def test_a_long_request_gives_its_place_up(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_HOLD", 0.01 if how == "a slow one" else 60)
    handler = Handler()
    handler.at_work = admission.leave if how == "a wait" else handler.at_work
    door = Admission(handler, limit=3, patience=60, at_work=1)
    asked = begun(3, door, "/stream" if how == "a stream" else "/v1/trainings")
    await until(lambda: len(handler.open) == 3)
    assert (await ask(door))[0] == 503  # it counts towards the limit all the same
    assert await ended(handler, asked) == [200] * 3


async def test_input_is_taken_in_a_few_pieces_a_turn_in_order() -> None:
    pace, taken, turns = Pace(per_turn=4), list[int](), list[int]()
    loop = asyncio.get_running_loop()

    def turn() -> None:
        turns.append(len(taken))
        if len(taken) < 11:
            loop.call_soon(turn)

    for number in range(11):
        if pace.take():
            taken.append(number)
        else:
            pace.later(lambda number=number: taken.append(number))  # type: ignore[misc]
    loop.call_soon(turn)
    await until(lambda: len(taken) == 11)
    assert taken == [*range(11)]
    assert turns[0] == 8
    assert max(later - sooner for sooner, later in itertools.pairwise(turns)) <= 4
    await until(pace.take)
