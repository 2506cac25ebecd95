"""The fork server: loads the libraries once, then forks a worker per task; knows no secret, starts no thread.

Started by the guard as `python -m common.adapters.task_runner.fork_server FD GUARD`. FD is a SOCK_SEQPACKET
socket to the runner, a JSON object in each packet, and its end is ours:

    runner  {"preload": [module or module:function, …]}     first; the functions are called, to warm up
    server  {"ready": pid} or {"failed": text}              its answer
    runner  {"task", "folder", "limits", "grace"} + 3 descriptors (job, output, progress; see `worker.work`)
    server  {"started": task, "worker": pid}
    runner  {"stop": task, "reason": text}
    server  {"ended": task, "code", "reason", "seconds", "cpu_seconds", "peak_memory"}

One worker is always forked ahead and waits for its task, which then starts without waiting for the fork.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from common.adapters.task_runner import linux
from common.adapters.task_runner.watch import Watch
from common.adapters.task_runner.worker import work
from common.records.frames import seal_stream

_SAMPLE = 0.1
_PACKET = 2**16


def main() -> None:
    """Serve until the runner closes the socket or the guard ends."""
    control, guard = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    linux.die_with(guard)
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # loading makes much and drops little of it: looking for that takes a tenth of the time
    try:
        for entry in json.loads(control.recv(_PACKET))["preload"]:
            module, _, function = entry.partition(":")
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()
    except Exception as error:
        control.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
        raise
    # The first use of OpenSSL sets up its tables: here once, not 20 ms in every child.
    seal_stream(io.BytesIO(), io.BytesIO(), key=bytes(32), name="")
    # Else the first full collection in a child would write to, and so copy, every page it shares with us.
    gc.collect()
    gc.freeze()
    gc.enable()
    try:
        _Server(control, guard).serve()
    except Exception:  # also BrokenPipeError: the runner ended in the middle of a word
        traceback.print_exc()
    finally:
        linux.kill_descendants()
        os._exit(0)


class _Server:
    def __init__(self, control: socket.socket, guard: int) -> None:
        self._control = control
        self._guard = os.pidfd_open(guard)
        linux.outlive_parent()  # from here on the guard's end is noticed below
        self._watches: dict[int, Watch] = {}  # by the worker's pidfd
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._guard, select.POLLIN)
        self._due = 0.0
        self._spare: _Spare | None = None

    def serve(self) -> None:
        """Take tasks, watch them, report their ends; returns when the runner or the guard is gone."""
        self._spare = _Spare()
        self._say({"ready": os.getpid()})
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(self._patience())]
            if self._guard in ready:
                return
            for descriptor in ready:
                if descriptor in self._watches:
                    self._bury(descriptor)
            if self._control.fileno() in ready and not self._hear():
                return
            if self._watches and time.monotonic() >= self._due:
                self._inspect()

    def _patience(self) -> float | None:
        """Milliseconds until the next look at the tasks; without tasks there is nothing to look at."""
        return max(0.0, self._due - time.monotonic()) * 1000 if self._watches else None

    def _say(self, message: Mapping[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())

    def _hear(self) -> bool:
        """Do what the runner says; False if it is gone."""
        packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET, 3)
        if not packet:
            return False
        said = json.loads(packet)
        if "stop" in said:
            for watch in self._watches.values():
                if watch.name == said["stop"]:
                    watch.stop(said["reason"])
        else:
            self._start(said, descriptors)
        return True

    def _start(self, order: Mapping[str, Any], descriptors: list[int]) -> None:
        worker = (self._spare or _Spare()).assign(descriptors)
        self._spare = None
        for descriptor in descriptors:
            os.close(descriptor)
        watched = os.pidfd_open(worker)
        if not self._watches:
            self._due = time.monotonic() + _SAMPLE
        self._watches[watched] = Watch(order, worker)
        self._poll.register(watched, select.POLLIN)
        self._say({"started": order["task"], "worker": worker})

    def _inspect(self) -> None:
        for watch in self._watches.values():
            watch.inspect()
        self._kill_orphans()
        self._refill()
        self._due = time.monotonic() + _SAMPLE

    def _bury(self, watched: int) -> None:
        self._poll.unregister(watched)
        os.close(watched)
        ended = self._watches.pop(watched).bury()
        self._kill_orphans()
        self._say(ended)
        self._refill()

    def _refill(self) -> None:
        """Fork the next spare: never while a task starts, which would have to wait for the fork."""
        if self._spare is None:
            self._spare = _Spare()

    def _kill_orphans(self) -> None:
        """A child that is no worker has lost its parent: a daemon, or the rest of a task."""
        ours = {watch.worker for watch in self._watches.values()}
        if self._spare is not None:
            ours.add(self._spare.worker)
        linux.kill_descendants(spare=frozenset(ours))


class _Spare:
    """A worker that was forked ahead and waits for its task."""

    def __init__(self) -> None:
        self._assignment, theirs = socket.socketpair()
        server = os.getpid()
        self.worker = os.fork()
        if self.worker == 0:
            self._assignment.detach()
            _close_all_but(theirs.fileno())
            _run_worker(theirs, server)
        theirs.close()

    def assign(self, descriptors: list[int]) -> int:
        """Give it the descriptors of a task; its process id. If it has been killed, so has been the task."""
        with self._assignment:
            try:
                socket.send_fds(self._assignment, [b"!"], descriptors)
            except BrokenPipeError:
                traceback.print_exc()
        return self.worker


def _close_all_but(kept: int) -> None:
    """Close what a worker has inherited from the server: nothing of it is a task's business."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def _run_worker(assignment: socket.socket, server: int) -> NoReturn:
    code = 1
    try:
        work(assignment, server)
        code = 0
    except BaseException:  # SystemExit too: a worker must never go on as a second server
        traceback.print_exc()
    finally:
        os._exit(code)  # without the clean-up of an interpreter, which would take longer than a small task


if __name__ == "__main__":
    main()
