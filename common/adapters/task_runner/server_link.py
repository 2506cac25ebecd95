"""The runner's end of a fork server: starts it in a clean environment, hands it tasks, notices its end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import errors, logging
from common.adapters.task_runner.outcomes import Ended
from common.adapters.task_runner.worker import THREAD_VARIABLES

_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
# Arrow's own allocators keep what was freed for long: reading a table took half as much again, and more time.
_ARROW = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
_PACKET = 2**16
_LAST_WORDS = 5.0  # seconds the guard may take to leave nothing
_STOP_AGAIN = 0.05
_log = logging.logger("task_runner")


def _clean_environment() -> dict[str, str]:
    """What Python needs to find its libraries: no setting, no token; and one thread till a task may more."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        **_ARROW,
    }


class ServerLink:
    """One fork server and its guard, from start to end. To be used on one event loop."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._tasks: dict[str, asyncio.Future[Ended | None]] = {}
        self._burial: asyncio.Task[None] | None = None
        self.pid: int | None = None
        """The server's process id, once it is ready."""
        self.workers: dict[str, int] = {}
        """Process ids of the workers by task."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            command = [sys.executable, "-P", "-m", "common.adapters.task_runner.guard"]
            # A session of its own: Ctrl-C in a terminal is for the platform, which ends its tasks itself.
            self._guard = subprocess.Popen(  # noqa: S603 - our own module
                [*command, str(theirs.fileno())],
                env=_clean_environment(),
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._send({"preload": list(preload)})
        self._loop.add_reader(self._control, self._hear)

    @property
    def ready(self) -> bool:
        """Whether the libraries are loaded and the server lives."""
        return self.pid is not None and self.alive

    @property
    def alive(self) -> bool:
        """Whether it may still take tasks, as far as is known."""
        return self._burial is None

    async def wait_ready(self) -> None:
        """Wait until it has loaded. Raises `errors.Unavailable` if it cannot."""
        await asyncio.shield(self._ready)

    def start(self, order: Mapping[str, Any], descriptors: Sequence[int]) -> asyncio.Future[Ended | None]:
        """Have a task started (see `fork_server`); gives how it ends, None if the server went first.

        Raises `errors.Unavailable`.
        """
        if not self.alive:
            raise errors.Unavailable("the fork server of the tasks has just ended; try again")
        self._send(order, descriptors)
        ended = self._tasks[order["task"]] = self._loop.create_future()
        return ended

    def stop(self, task: str, reason: str) -> None:
        """Have a task stopped; nothing if it has ended already."""
        if task not in self._tasks or not self.alive:
            return
        try:
            self._send({"stop": task, "reason": reason})
        except errors.Unavailable:
            self._loop.call_later(_STOP_AGAIN, self.stop, task, reason)

    def _send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)
        except OSError as error:  # it has ended, or 200 kB of orders wait for it
            raise errors.Unavailable("the fork server of the tasks does not answer; try again") from error

    def _hear(self) -> None:
        try:
            packet = self._control.recv(_PACKET)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if not packet:
            _log.warning("fork server ended", process=self.pid)
            self._bury("the fork server of the tasks has ended; the next task starts a new one")
            return
        said: dict[str, Any] = json.loads(packet)
        if "ready" in said:
            self.pid = said["ready"]
            self._ready.set_result(None)
        elif "failed" in said:
            _log.error("fork server failed", detail=said["failed"])
            self._bury(f"the fork server of the tasks cannot load its libraries: {said['failed']}")
        elif "started" in said:
            self.workers[said["started"]] = said["worker"]
        else:
            self._finish(said["ended"], Ended.parse(said))

    def _finish(self, task: str, ended: Ended | None) -> None:
        self.workers.pop(task, None)
        self._tasks.pop(task).set_result(ended)

    def _bury(self, why: str) -> None:
        """Let go of the server; its tasks are over when the guard has seen to it that nothing is left."""
        if self._burial is not None:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        if not self._ready.done():
            self._ready.set_exception(errors.Unavailable(why))
            self._ready.exception()  # read here, for perhaps nobody waits
        self._burial = asyncio.create_task(self._wait_for_guard())

    async def _wait_for_guard(self) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        await asyncio.to_thread(self._reap_guard)
        for task in list(self._tasks):
            self._finish(task, None)

    def _reap_guard(self) -> None:
        try:
            self._guard.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()

    async def close(self) -> None:
        """End the server with all its tasks, and wait for it. Idempotent."""
        self._bury("the task runner is closed")
        if self._burial is not None:
            await asyncio.shield(self._burial)
