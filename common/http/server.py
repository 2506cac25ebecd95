"""The server of a process: one listening socket, uvicorn on it, and signals that drain first and then end at once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from common import errors
from common.http.endless import Endless
from common.http.pacing import Pace, PacedProtocol

_BACKLOG = 2_048


@contextlib.contextmanager
def listening(host: str, port: int, *, shared: bool = False) -> Iterator[socket.socket]:
    """A socket that listens on `host`; port 0 picks a free one. Raises `errors.Conflict` when it cannot be used.

    With `shared` several processes of this user listen on one port, and the kernel spreads connections over them.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.closing(listener):
        # Python sets TCP_NODELAY on nothing: without it small answers wait 40 ms for a delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise errors.Conflict(
                f"port {port} of {host} cannot be used ({error.strerror}); choose another with --port, 0 picks one"
            ) from error
        listener.listen(_BACKLOG)
        yield listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: ASGIApp, listener: socket.socket, started: Callable[[], None], stopping: Callable[[], None]
) -> None:
    """Answer on the socket until SIGINT or SIGTERM; `started` is called once the first request could be answered.

    With the signal no request is taken any more and `stopping` is called: whoever waits for something is to be
    answered now. What is being answered has five seconds to end. A second signal ends the process at once, with
    128 + its number.
    """
    streams = Endless(app)
    config = uvicorn.Config(
        streams,
        http=functools.partial(PacedProtocol, pace=Pace()),  # type: ignore[arg-type]  # uvicorn only calls it
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=32 * 1024,
    )

    def ending() -> None:
        stopping()
        streams.end()

    await _Server(config, started, ending).serve(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._started, self._ending = started, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: object) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ours stay installed while the loops drain, so that the second signal is heard then too.
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, self.handle_exit, one, None)
        yield
