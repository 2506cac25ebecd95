"""The keeper of one task: forks its worker, watches what it uses, stops it, and lets nothing of it remain.

One keeper per task, so that "what belongs to this task" is simply the keeper's descendants: it adopts orphans, hence
not even a daemon in a session of its own gets away. It waits in poll(2) on three things, never on a signal:

    channel   socket to the runner: the job comes, then perhaps `{"stop": reason}`; end of file = the runner is gone
    life      pipe that only the fork server can write: end of file = the fork server is gone
    worker    pidfd, readable when the worker has ended

and looks every `SAMPLE` seconds at what the task uses. At the end it writes one line about how it went.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from common.adapters.task_runner import linux
from common.adapters.task_runner.worker import become_worker, work

SAMPLE = 0.1
_JOB_LIMIT = 64 * 2**20
_FILES = 10_000  # files a task may have; a million of them is a flood of its own
_PATIENCE = 30.0  # seconds a keeper waits for its job


def keep(channel: socket.socket, output: int, progress: int, life: int) -> NoReturn:
    """Run one task from job to last line, then exit; called right after the fork."""
    code = 1
    try:
        linux.adopt_orphans()
        job = _receive(channel)
        if job is not None:
            worker = _fork_worker(job, channel, output, progress, life)
            os.close(output)
            os.close(progress)
            _tell(channel, {"started": worker})
            _Watch(job, worker, channel, life).until_ended()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        linux.kill_descendants()
        os._exit(code)


def _receive(channel: socket.socket) -> dict[str, Any] | None:
    """The job: one line of JSON; None if the runner has gone before it was complete."""
    channel.settimeout(_PATIENCE)
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = channel.recv(2**20)
        if not piece or len(line) > _JOB_LIMIT:
            return None
        line += piece
    job: dict[str, Any] = json.loads(line)
    return job


def _tell(channel: socket.socket, message: Mapping[str, Any]) -> None:
    try:
        channel.sendall(json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        return  # the runner is gone, and poll says so too


def _fork_worker(job: dict[str, Any], channel: socket.socket, output: int, progress: int, life: int) -> int:
    keeper = os.getpid()
    worker = os.fork()
    if worker:
        return worker
    code = 1
    try:
        channel.close()
        os.close(life)
        become_worker(output)
        os.close(output)
        work(job, Path(job["folder"]), progress, keeper)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class _Watch:
    """What the keeper knows while the worker runs."""

    def __init__(self, job: Mapping[str, Any], worker: int, channel: socket.socket, life: int) -> None:
        self._limits = job["limits"]
        self._grace = float(job["grace"])
        self._folder = Path(job["folder"])
        self._worker = worker
        self._channel = channel
        self._life = life
        self._began = time.monotonic()
        self._reason: str | None = None
        self._kill_at: float | None = None
        self._peak = 0

    def until_ended(self) -> None:
        """Watch until the worker has ended, remove what it left, and tell how it went."""
        ended = os.pidfd_open(self._worker)
        poll = select.poll()
        for descriptor in (self._channel.fileno(), self._life, ended):
            poll.register(descriptor, select.POLLIN)
        due = self._began + SAMPLE
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000)}
            if ended in ready:
                break
            if self._life in ready:
                self._kill("server_lost")
                break
            if self._channel.fileno() in ready and not self._hear():
                self._kill("runner_lost")
                break
            if time.monotonic() >= due:
                self._inspect()
                due = time.monotonic() + SAMPLE
        _, status, _ = os.wait4(self._worker, 0)
        linux.kill_descendants()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        _tell(
            self._channel,
            {
                "ended": os.waitstatus_to_exitcode(status),
                "reason": self._reason,
                "seconds": time.monotonic() - self._began,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_memory": max(self._peak, used.ru_maxrss * 1024),
            },
        )

    def _hear(self) -> bool:
        """Take what the runner says; False if it is gone."""
        said = self._channel.recv(4096)
        for line in said.splitlines():
            self._stop(json.loads(line)["stop"])
        return bool(said)

    def _inspect(self) -> None:
        """Compare what the task uses with what it may use."""
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill(None)
        limits, used = self._limits, linux.sample(os.getpid())
        self._peak = max(self._peak, used.resident)
        if used.threads > limits["processes"]:
            self._kill("limit:processes")
        elif used.resident > limits["memory"] and linux.proportional_memory(used.processes) > limits["memory"]:
            self._kill("out_of_memory")
        elif now - self._began > limits["wall_seconds"]:
            self._stop("time_limit")
        elif limits["cpu_seconds"] is not None and used.cpu_seconds > limits["cpu_seconds"]:
            self._stop("cpu_limit")
        else:
            size, files = linux.folder_use(self._folder, _FILES)
            if size > limits["folder"] or files > _FILES:
                self._kill("disk_limit")

    def _stop(self, reason: str) -> None:
        """Ask the task to end, and remember when to stop asking. The first reason stands."""
        if self._reason is None:
            self._reason = reason
            self._kill_at = time.monotonic() + self._grace
            self._signal(signal.SIGTERM)

    def _kill(self, reason: str | None) -> None:
        self._reason = self._reason or reason
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """To the worker and, at once and without a race, to its group; what left the group follows at the end."""
        for send in (os.killpg, os.kill):
            try:
                send(self._worker, number)
            except ProcessLookupError:
                continue  # it has ended, or has not made its group yet
