"""Watching one running task: what its processes use, when it must stop, and how it ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common.adapters.task_runner import linux


class Watch:
    """One task's worker and its descendants. `order` is what the runner said: `limits`, `folder`, `grace`."""

    def __init__(self, order: Mapping[str, Any], worker: int) -> None:
        self.name: str = order["task"]
        self.worker = worker
        self._limits: dict[str, Any] = order["limits"]
        self._grace = float(order["grace"])
        self._folder = Path(order["folder"])
        self._began = time.monotonic()
        self._reason: str | None = None
        self._kill_at: float | None = None
        self._peak = 0
        self._behind = {worker}  # sessions that stand back already

    def inspect(self) -> None:
        """Compare what the task uses with what it may; kill it if it was asked to stop long enough ago."""
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._signal(signal.SIGKILL)
            return
        limits, used = self._limits, linux.sample(self.worker)
        self._peak = max(self._peak, used.resident)
        self._put_behind(used.processes)
        if used.threads > limits["processes"]:
            self._kill("limit:processes")
        elif self._takes_too_much_memory(used):
            self._kill("out_of_memory")
        elif now - self._began > limits["wall_seconds"]:
            self.stop("time_limit")
        elif limits["cpu_seconds"] is not None and used.cpu_seconds > limits["cpu_seconds"]:
            self.stop("cpu_limit")
        elif self._takes_too_much_disk():
            self._kill("disk_limit")

    def _put_behind(self, processes: Iterable[int]) -> None:
        """A process that begins a session would have a share like anybody else's, however nice it is."""
        for process in processes:
            try:
                session = os.getsid(process)
            except ProcessLookupError:
                continue
            if session not in self._behind and linux.go_behind(process):
                self._behind.add(session)

    def _takes_too_much_memory(self, used: linux.Sample) -> bool:
        # Resident counts what is shared with the server once per process; only beyond it the exact, slow sum.
        most: int = self._limits["memory"]
        return used.resident > most and linux.proportional_memory(used.processes) > most

    def _takes_too_much_disk(self) -> bool:
        most_bytes, most_files = self._limits["folder"], self._limits["files"]
        size, files = linux.folder_use(self._folder, most_files)
        return bool(size > most_bytes or files > most_files)

    def stop(self, reason: str) -> None:
        """Ask the task to end, and remember when to stop asking. The first reason stands."""
        if self._reason is None:
            self._reason = reason
            self._kill_at = time.monotonic() + self._grace
            self._signal(signal.SIGTERM)

    def _kill(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """To the group, without a race with a fork, and to the worker should it have left that."""
        for send in (os.killpg, os.kill):
            try:
                send(self.worker, number)
            except ProcessLookupError:
                continue

    def bury(self) -> dict[str, Any]:
        """Wait for the worker, which has ended, kill the rest of its group, and say how it went."""
        self._signal(signal.SIGKILL)  # before the wait: until then nobody else can have the same number
        _, status, used = os.wait4(self.worker, 0)
        return {
            "ended": self.name,
            "code": os.waitstatus_to_exitcode(status),
            "reason": self._reason,
            "seconds": time.monotonic() - self._began,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_memory": max(self._peak, used.ru_maxrss * 1024),
        }
