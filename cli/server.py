"""The server process on this machine: started, awaited, stopped."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from autolearn import finding
from autolearn.finding import RunningServer
from common import errors

if TYPE_CHECKING:
    import psutil

READY_WITHIN = 30.0  # seconds; usually under 3
MODULE = "embedded"


class Ended(Exception):
    """The server ended at once: its exit code and its last words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def arguments(port: int | None, data: Path | None, host: str | None) -> list[str]:
    """The command that runs the server in this interpreter."""
    told = {"--port": port, "--data": data, "--host": host}
    return [
        sys.executable,
        "-m",
        MODULE,
        *(f"{name}={value}" for name, value in told.items() if value is not None),
    ]


def start(command: list[str], data: Path | None) -> RunningServer:
    """Start it in a session of its own and wait until it is ready.

    What it prints goes to `server.log` in the data folder. Raises `Ended` if it ends instead,
    `errors.Unavailable` if it is not ready in time (it is stopped then).
    """
    folder = data or finding.data_folder()
    with _log(folder) as log:
        begin = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                log.seek(begin)
                raise Ended(process.returncode, _last_words(log.read(), process.returncode))
            running = finding.running_server(folder)
            if running is not None and running.pid == process.pid and _ready(running.url):
                # It is to outlive this process; subprocess would warn that nobody waited for it.
                process.returncode = 0
                return running
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.terminate()
    raise errors.Unavailable(f"the server was not ready within {READY_WITHIN:g} s; see {folder / 'server.log'}")


def stop(running: RunningServer, timeout: float) -> bool:
    """Ask it to end and wait; False if it does not run.

    `errors.Unavailable` if it still runs after `timeout` seconds.
    """
    import psutil

    process = _process(running)
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(timeout)
        except psutil.TimeoutExpired as error:
            raise errors.Unavailable(
                f"the server (process {running.pid}) still drains after {timeout:g} s; "
                f"`kill {running.pid}` once more makes it exit now"
            ) from error
    return True


def _process(running: RunningServer) -> psutil.Process | None:
    """The process, if it is still the one that wrote the file: ids are given to other processes again."""
    import psutil

    try:
        process = psutil.Process(running.pid)
        ours = process.status() != psutil.STATUS_ZOMBIE and any(MODULE in word for word in process.cmdline())
    except psutil.Error:
        return None
    return process if ours else None


def _log(folder: Path) -> IO[bytes]:
    """Where the server's words go; elsewhere if the folder cannot be written to, of which it will speak."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (folder / "server.log").open("a+b")
    except OSError:
        return tempfile.TemporaryFile("a+b")


def _last_words(said: bytes, code: int) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("autolearn: ") if lines else f"the server ended with code {code} and said nothing"


def _ready(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/readyz", timeout=2.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False
