"""A proxy before a MongoDB server that loses the answer to a command after the server has carried it out."""

from __future__ import annotations

import asyncio
import struct
from typing import Literal
from urllib.parse import urlsplit

from tests.proxy import Proxy, through

HEADER = 16
_FIRST_NAME = HEADER + 4 + 1 + 4 + 1  # flags, kind of section, length of document, type of its first element


class MongoProxy(Proxy):
    """Forwards the wire protocol, message by message."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "127.0.0.1", parts.port or 27017)
        self._direct = url
        self._losing: dict[str, int] = {}
        self._how: Literal["cut", "hold"] = "cut"
        self.lost: list[str] = []

    @property
    def url(self) -> str:
        """The way through it."""
        return through("mongo", self._direct, self.host, self.port)

    def lose(self, command: str, times: int = 1, *, how: Literal["cut", "hold"] = "cut") -> None:
        """Lose the next answers to a command: cut the connection instead, or hold the answer back for ever."""
        self._losing[command], self._how = times, how

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        while True:  # a driver sends the next command when it has its answer
            asked = await _message(reader)
            back.write(asked)
            answer = await _message(there)
            command = asked[_FIRST_NAME : asked.index(0, _FIRST_NAME)].decode(errors="replace")
            if self._losing.get(command):
                self._losing[command] -= 1
                self.lost.append(command)
                if self._how == "cut":
                    return
                await asyncio.Event().wait()
            writer.write(answer)


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER)
    (length,) = struct.unpack_from("<i", header)
    return header + await reader.readexactly(length - HEADER)
