"""The decoder of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from autolearn import sse

STREAM = (
    b': comment\n\nevent: state\nid: 7\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\n'
    b"event: empty\n\ndata:no space \xe2\x80\xa8\xc3\xa9\n\ndata: unfinished\n"
)
EXPECTED = [
    sse.Message("state", '{"a":1}', "7"),
    sse.Message("message", "one\ntwo", "7"),
    sse.Message("message", "no space \u2028é", "7"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
async def test_events_however_the_bytes_are_cut(size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(STREAM), size):
            yield STREAM[begin : begin + size]

    assert [message async for message in sse.messages(chunks())] == EXPECTED
