"""What every engine has in common: it is installed once, started, waited for, and stopped by who started it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

_READY, _STOP = 60.0, 20.0
"""Seconds that an engine may take to answer, and to end."""


class EngineError(Exception):
    """An engine cannot be had here; the text says why and what to do."""


def home() -> Path:
    """Everything that is installed and kept: `$XDG_CACHE_HOME/autolearn-engines`."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "autolearn-engines"


class Engine(ABC):
    """One server with a folder of its own, on loopback, with a password that was made up here.

    `engine.json` in the folder remembers the process and the URL; it is readable by its owner alone.
    """

    name: str
    setting: str
    """What it is for in AutoLearn's settings."""

    def __init__(self, root: Path | None = None) -> None:
        self.installed = (root or home()) / "installed"
        self.folder = (root or home()) / self.name
        self._memory = self.folder / "engine.json"

    @abstractmethod
    def install(self) -> None:
        """Get what it needs, unless it is there. Raises `EngineError`."""

    @abstractmethod
    def command(self, port: int, password: str) -> tuple[Sequence[str], Mapping[str, str]]:
        """Prepare the folder; the words that start it in the foreground, and what is added to the environment."""

    @abstractmethod
    def url(self, port: int, password: str) -> str:
        """Where AutoLearn finds it."""

    def up(self) -> str:
        """Its URL, once it answers; started unless it runs. Raises `EngineError`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two who start it at once get the same one
            return self._up()

    def _up(self) -> str:
        if (there := self.running()) is not None:
            return str(there["url"])
        self.install()
        memory = self._remembered()
        # The same password and port again: what was kept in the folder was made with them.
        port = memory.get("port") if memory and _free(memory["port"]) else None
        port, password = port or _free_port(), (memory or {}).get("password") or secrets.token_urlsafe(18)
        words, added = self.command(port, password)
        with (self.folder / "output.log").open("ab") as output:
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env={**os.environ, "HOME": str(self.folder), **added},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = psutil.Process(process.pid).create_time()
        found = {"pid": process.pid, "started": started, "port": port, "password": password}
        found["url"] = self.url(port, password)
        self._remember(found)
        deadline = time.monotonic() + _READY
        while not self.answers(port):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            if process.poll() is not None or time.monotonic() > deadline:
                self.down()
                raise EngineError(f"{self.name} did not start; look into {self.folder / 'output.log'}")
        return str(found["url"])

    def down(self) -> bool:
        """Stop what `up` started; False if nothing ran."""
        there = self.running()
        if there is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            leader = psutil.Process(there["pid"])
            family = [leader, *leader.children(recursive=True)]
            os.killpg(leader.pid, signal.SIGTERM)
            _, left = psutil.wait_procs(family, timeout=_STOP)
            for one in left:
                one.kill()
            psutil.wait_procs(left, timeout=5)
        self.stopped(there)
        return True

    def stopped(self, was: Mapping[str, Any]) -> None:  # noqa: B027 - most engines leave nothing
        """End what the engine leaves behind."""

    def running(self) -> dict[str, Any] | None:
        """What is remembered of the process that `up` started, if it lives."""
        there = self._remembered()
        if there is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(there["pid"])
            # A number of a process that has ended may be another's by now.
            if process.create_time() == there["started"] and process.status() != psutil.STATUS_ZOMBIE:
                return there
        return None

    def answers(self, port: int) -> bool:
        """Whether it takes connections."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def program(self, name: str, hint: str) -> str:
        """Where a program is. Raises `EngineError` with the hint."""
        found = shutil.which(name)
        if found is None:
            raise EngineError(f"{self.name} needs {name}; {hint}")
        return found

    def _remembered(self) -> dict[str, Any] | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            found: dict[str, Any] = json.loads(self._memory.read_text())
            return found
        return None

    def _remember(self, found: Mapping[str, Any]) -> None:
        new = self._memory.with_suffix(".new")
        new.touch(0o600)
        new.write_text(json.dumps(found))
        new.replace(self._memory)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def run(words: Sequence[str], what: str, **environment: str) -> None:
    """Run a program of an installation to its end. Raises `EngineError` with the end of what it wrote."""
    done = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"{what} failed: {(done.stderr or done.stdout).strip()[-500:]}")
