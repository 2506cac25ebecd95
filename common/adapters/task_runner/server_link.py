"""The runner's end of a fork server: starts it with a clean environment, hands it tasks, notices its death."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from common import errors, logging
from common.adapters.task_runner.worker import THREAD_VARIABLES

_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
_PACKET = 2**16
_log = logging.logger("task_runner")


def _clean_environment() -> dict[str, str]:
    """Only what a Python needs to find its libraries: no setting, no token, and one thread unless a task may more."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
        **dict.fromkeys(THREAD_VARIABLES, "1"),
    }


class ServerLink:
    """One fork server process, from start to end. To be used on one event loop, whose thread must outlive it."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            command = [sys.executable, "-P", "-m", "common.adapters.task_runner.fork_server"]
            # A session of its own: Ctrl-C in a terminal is for the platform, which then ends its tasks itself.
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control.send(json.dumps({"preload": list(preload)}).encode())
        self._loop.add_reader(self._control, self._hear)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether the libraries are loaded and the server lives."""
        return self._ready.done() and not self.ended.done()

    async def wait_ready(self) -> None:
        """Wait until it has loaded. Raises `errors.Unavailable` if it cannot."""
        await asyncio.shield(self._ready)

    def hand_over(self, task_id: str, descriptors: Sequence[int]) -> None:
        """Have a keeper forked that gets these descriptors. Raises `errors.Unavailable`."""
        try:
            socket.send_fds(self._control, [json.dumps({"task": task_id}).encode()], descriptors)
        except OSError as error:  # full or closed
            raise errors.Unavailable("the fork server does not take tasks; try again") from error

    def _hear(self) -> None:
        try:
            packet = self._control.recv(_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._end("the fork server of the tasks has ended; the next task starts a new one")
            return
        said: dict[str, Any] = json.loads(packet)
        if "failed" in said:
            self._end(f"the fork server of the tasks could not load its libraries: {said['failed']}")
        elif not self._ready.done():
            self._ready.set_result(None)

    def _end(self, why: str) -> None:
        if self.ended.done():
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        self.ended.set_result(None)
        if not self._ready.done():
            self._ready.set_exception(errors.Unavailable(why))
            self._ready.exception()  # somebody may wait for it, or nobody
        _log.warning("fork server ended", detail=why, process=self.pid)

    async def close(self) -> None:
        """End the server and wait for it; its keepers kill their tasks."""
        if not self.ended.done():
            self._loop.remove_reader(self._control)
            self._control.close()
            self.ended.set_result(None)
        if not self._ready.done():
            self._process.kill()  # still importing, it would not notice
            self._ready.set_exception(errors.Unavailable("the task runner is closed"))
            self._ready.exception()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
