"""A Python that has loaded the program once: what tests start is forked from it and spares a second of imports.

What runs is a process of its own all the same: own arguments, environment, standard streams and exit code, and it ends
as an interpreter does. `python -m tests.warm FD` is the server: it loads the packages, then listens on the socket FD. A
connection is one order, a JSON object with three descriptors; its answers are the child's process id and exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
_PACKAGES = ("autolearn", "cli", "cli.commands", "embedded")
_MODULES = ("anyio._backends._asyncio", "httpcore", "tests.faults.launcher", "typer._adapters")
_PACKET = 2**18


class WarmProcess:
    """A child of the server, to be treated like a `subprocess.Popen` in text mode."""

    def __init__(self, pid: int, ending: socket.socket, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._ending = ending

    def poll(self) -> int | None:
        """Its exit code if it has ended; minus the signal's number if one has ended it."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ending], [], [], timeout)[0]:
            said = self._ending.recv(_PACKET)
            assert said, "the warm interpreter has ended before its child"
            self.returncode = int(said)
            self._ending.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def start(
    module: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> WarmProcess:
    """Start `python -m MODULE WORDS…` with descriptors for its streams: no input and pipes unless they are given."""
    with contextlib.ExitStack() as stack:
        if stdin is None:
            stdin = os.open(os.devnull, os.O_RDONLY)
            stack.callback(os.close, stdin)
        pipes: list[IO[str] | None] = [None, None]
        streams = [stdin, stdout, stderr]
        for number in (1, 2):
            if streams[number] is None:
                ours, streams[number] = os.pipe()
                stack.callback(os.close, streams[number])
                pipes[number - 1] = os.fdopen(ours)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(address())
        order = {"module": module, "words": list(words), "environment": dict(environment), "folder": str(ROOT)}
        socket.send_fds(connection, [json.dumps(order).encode()], [one for one in streams if one is not None])
    return WarmProcess(int(connection.recv(_PACKET)), connection, *pipes)


def script(module: str) -> str:
    """The text of an executable file that runs `python -m MODULE` with its words, streams, folder and environment."""
    return f"""#!{sys.executable} -IS
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect({address()!r})
order = dict(module={module!r}, words=sys.argv[1:], environment=dict(os.environ), folder=os.getcwd())
socket.send_fds(connection, [json.dumps(order).encode()], [0, 1, 2])
connection.recv(64)
sys.exit(int(connection.recv(64)))
"""


@cache
def address() -> str:
    """Where the server of this process listens; it is started by the first who asks, and ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="autolearn-warm-")
    path = f"{folder.name}/socket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with listener:
        listener.bind(path)
        listener.listen()
        told = [sys.executable, "-m", "tests.warm", str(listener.fileno())]
        process = subprocess.Popen(told, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    atexit.register(lambda: (process.communicate(), folder.cleanup()))
    return path


class _Server:
    """Forks what is ordered at the listener and says of each child how it ended."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, tuple[int, socket.socket]] = {}  # by the child's pidfd
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)
        self._poll.register(sys.stdin, select.POLLIN)

    def serve(self) -> dict[str, Any] | None:
        """Take orders until standard input ends: None. In a child: what it shall do."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._bury(descriptor)
                elif descriptor == sys.stdin.fileno():
                    return None
                elif (order := self._fork()) is not None:
                    return order

    def _fork(self) -> dict[str, Any] | None:
        connection, _ = self._listener.accept()
        said, streams, _, _ = socket.recv_fds(connection, _PACKET, 3)
        child = os.fork()
        if child == 0:
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
            for held in (connection, self._listener, *(theirs for _, theirs in self._children.values())):
                held.detach()
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            found: dict[str, Any] = json.loads(said)
            return found
        for descriptor in streams:
            os.close(descriptor)
        connection.send(str(child).encode())
        watched = os.pidfd_open(child)
        self._children[watched] = child, connection
        self._poll.register(watched, select.POLLIN)
        return None

    def _bury(self, watched: int) -> None:
        self._poll.unregister(watched)
        os.close(watched)
        child, connection = self._children.pop(watched)
        _, status = os.waitpid(child, 0)
        with connection, contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
            connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def main() -> None:
    """Load, serve, and in each child run what was ordered."""
    for package in _PACKAGES:
        path = importlib.import_module(package).__path__
        for found in pkgutil.iter_modules(path, f"{package}."):
            importlib.import_module(found.name)
    for module in _MODULES:
        importlib.import_module(module)
    for name in [name for name in sys.modules if name.endswith(".__main__")]:
        del sys.modules[name]  # runs anew in every child
    # Else the last collection of every child would look through, and so copy, what it shares with us.
    gc.collect()
    gc.freeze()
    order = _Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if order is None:
        return
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv[1:] = order["words"]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
