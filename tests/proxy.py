"""A proxy between clients and an engine that does to connections what networks do: it is slow, it slices, it resets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_PIECE = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closed so, a connection ends with RST and not with FIN


class Proxy:
    """Forwards TCP connections to `host`:`port`, from `port` of its own at `at`.

    What it does to them may be changed at any time, from its own event loop, and counts for all that are open.
    """

    def __init__(self, host: str, port: int, *, at: str = "127.0.0.1") -> None:
        self._target, self.host, self.port = (host, port), at, 0
        self.latency = 0.0
        """Seconds by which every piece is late at least, in both directions."""
        self.slice = 0
        """Bytes in which what comes is passed on, one after another; 0: as it comes."""
        self.instead: Mapping[bytes, bytes] = {}
        """What is told clients in the place of something of the same length that the engine says."""
        self.carried = 0
        """Bytes that have gone either way."""
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._connections: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Listen, on a port that is free now."""
        self.resume()
        await self.listen()
        try:
            yield self
        finally:
            self.refuse()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def listen(self) -> None:
        """Take connections, after `refuse` again."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Be away: reset what is open and take nothing more."""
        if self._server is not None:
            self._server.close()
        self.reset()

    def reset(self) -> None:
        """Reset every connection, in the middle of whatever it carries."""
        for task, writers in self._connections.items():
            for writer in writers:
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            task.cancel()

    def stall(self) -> None:
        """Take connections and what comes on them, and pass nothing on."""
        self._flowing.clear()

    def resume(self) -> None:
        """Pass on what has waited."""
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = (writer,)
        try:
            # Also when it is cut: a cancelled task of a connection is an error for asyncio's streams.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                there, back = await asyncio.open_connection(*self._target)
                self._connections[task] = (writer, back)
                await self._carry(reader, writer, there, back)
        finally:
            for one in self._connections.pop(task):
                one.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        """Carry what goes over one connection, until either side ends it."""
        ways = [
            asyncio.create_task(self._way(reader, back)),
            asyncio.create_task(self._way(there, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _way(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool = False) -> None:
        while piece := await source.read(_PIECE):
            self.carried += len(piece)
            if answers:
                # One that is cut in two goes on as it is: then a client has found a way round, and nothing fails.
                for said, other in self.instead.items():
                    piece = piece.replace(said, other)
            if self.latency:
                await asyncio.sleep(self.latency)
            size = self.slice or len(piece) or 1
            for start in range(0, len(piece), size):
                await self._flowing.wait()
                target.write(piece[start : start + size])
                await target.drain()
                if self.slice:
                    await asyncio.sleep(0)  # or one write would carry several of them


def through(engine: str, url: str, host: str, port: int) -> str:
    """The URL of a place in an engine by way of a proxy at `host`:`port`."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    query = parts.query
    if engine == "mongo":
        # Told to be a member of a set, the driver would ask where the others are, and go there.
        told = {name: value for name, value in parse_qsl(query) if name.lower() != "replicaset"}
        query = urlencode({**told, "directConnection": "true"})
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{port}", query=query))
