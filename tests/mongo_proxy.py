"""A proxy before a MongoDB server that loses the answer to a command after the server has carried it out."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HEADER = 16
_FIRST_NAME = HEADER + 4 + 1 + 4 + 1  # flags, kind of section, length of document, type of its first element


class MongoProxy:
    """Forwards the wire protocol, message by message."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._losing: dict[str, int] = {}
        self._how: Literal["cut", "hold"] = "cut"
        self.lost: list[str] = []
        self.url = ""

    def lose(self, command: str, times: int = 1, *, how: Literal["cut", "hold"] = "cut") -> None:
        """Lose the next answers to a command: cut the connection instead, or hold the answer back for ever."""
        self._losing[command], self._how = times, how

    @asynccontextmanager
    async def running(self) -> AsyncIterator[MongoProxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user, at, _ = self._parts.netloc.rpartition("@")
        # Told to be a member of a set, the driver would ask where the others are, and go there.
        told = {name: value for name, value in parse_qsl(self._parts.query) if name.lower() != "replicaset"}
        query = urlencode({**told, "directConnection": "true"})
        self.url = urlunsplit(self._parts._replace(netloc=f"{user}{at}127.0.0.1:{port}", query=query))
        connections = self._connections = set[asyncio.Task[None]]()
        try:
            yield self
        finally:
            server.close()
            for connection in tuple(connections):
                connection.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
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
        finally:
            back.close()
            writer.close()
            self._connections.discard(task)


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER)
    (length,) = struct.unpack_from("<i", header)
    return header + await reader.readexactly(length - HEADER)
