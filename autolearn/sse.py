"""Server-sent events as the WHATWG HTML standard (§9.2) defines the stream, decoded from bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """One event of the stream: its name (`message` if not given), data, and the id by which to resume."""

    event: str
    data: str
    id: str | None

    def json(self) -> Any:
        """The data as JSON."""
        return json.loads(self.data)


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines of UTF-8 text without their ends; an unfinished last line is not given.

    Not `aiter_lines` of httpx, which also splits at U+2028 and the like, and JSON may contain those.
    """
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


async def messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """The events of a stream; comments (keep-alives) and events without data are skipped."""
    name, data, last = "", list[str](), None
    async for line in lines(chunks):
        if not line:
            if data:
                yield Message(name or "message", "\n".join(data), last)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last = value
