"""`python -m embedded [--port N] [--data DIR] [--host ADDRESS]`: what `autolearn up` starts."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import Any

import uvicorn
import uvloop

from common import errors, logging
from common.settings import Settings
from embedded.checking import complaints
from embedded.process import announce, platform, withdraw

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main() -> None:
    """Start the platform; exit codes: 0 stopped, 1 unexpected, 2 usage, 5 refused (busy folder, port, full disk)."""
    parser = argparse.ArgumentParser(prog="autolearn up", description=__doc__)
    parser.add_argument("--port", type=int, help="port to listen on; 0 picks a free one")
    parser.add_argument("--host", help="address to listen on (loopback unless told otherwise)")
    parser.add_argument("--data", help="folder that holds everything")
    parser.add_argument("--check", action="store_true", help="start nothing; say what is wrong with the folder")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    only_check = given.pop("check")
    logging.configure(os.environ.get("AUTOLEARN_TEST_LOG_LEVEL", "WARNING"))
    try:
        settings = Settings(**given)
        if only_check:
            found = uvloop.run(complaints(settings))
            print("\n".join(found), file=sys.stderr, end="\n" if found else "")
            sys.exit(5 if found else 0)
        uvloop.run(_serve(settings))
    except errors.AutoLearnError as error:
        print(f"autolearn: {error.detail}", file=sys.stderr)
        sys.exit(2 if isinstance(error, errors.Invalid) else 5)
    except ValueError as error:
        print(f"autolearn: {error}", file=sys.stderr)
        sys.exit(2)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # Python sets TCP_NODELAY on nothing: without it small answers wait 40 ms for a delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise errors.Conflict(
            f"port {settings.port} of {settings.host} cannot be used ({error.strerror});"
            " choose another with --port, 0 picks one"
        ) from error
    listener.listen(2_048)
    return listener


async def _serve(settings: Settings) -> None:
    listener = _listen(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listener.getsockname()[1]}"
    try:
        async with platform(settings) as running:
            config = uvicorn.Config(
                running.door,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
                h11_max_incomplete_event_size=32 * 1024,
            )
            server = _Server(config)
            server.on_started = lambda: _started(running, url, settings)
            await server.serve(sockets=[listener])
    finally:
        listener.close()
        withdraw(settings.data)


def _started(running: Any, url: str, settings: Settings) -> None:
    announce(settings.data, url)
    print(f"AutoLearn listens on {url}", flush=True)
    print(f"data in {settings.data}; stop with Ctrl-C or `autolearn down`", flush=True)
    if settings.host not in _LOOPBACK:
        print(
            "warning: anyone who reaches this address can use it: there are no accounts yet",
            file=sys.stderr,
            flush=True,
        )
    running.background()


class _Server(uvicorn.Server):
    """uvicorn, telling when it has started; a second signal ends the process at once."""

    on_started: Any = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        # Ours stay installed while the platform drains, so that the second signal is heard then too.
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, self.handle_exit, one, None)
        yield


if __name__ == "__main__":
    main()
