"""`python -m tests.faults.launcher`: the embedded platform, its ports wrapped so that it can die at a chosen call.

What `AUTOLEARN_TEST_KILL=port.method:n:before|within|after` names is killed by its own SIGKILL; what arms it may name
another point, so that one process serves many; see `points`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import common.runtime
from common.adapters import registry
from common.journal import Journal
from embedded.__main__ import main
from tests.faults.points import ARMED, CALLS, FOLDER, KILL, KILLED, PORTS, Point

Wrapped = TypeVar("Wrapped")
_BEGUN = {"task_runner.run": 0.1}
"""How long a call is left alone, in seconds, before it is killed within; else as long as one write may take."""
_MOMENT = 0.0005


class Executioner:
    """Counts calls while it is armed, lists them, and kills its process at the chosen one."""

    def __init__(self, folder: Path, point: Point | None) -> None:
        self._folder, self._armed, self._told, self._point = folder, folder / ARMED, point, point
        self._written, self._text = 0, ""
        self._counts: Counter[str] = Counter()
        self._calls = os.open(folder / CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC)

    def called(self, call: str) -> str:
        """The moment at which this call is to be killed, or nothing."""
        if not self._is_armed():
            return ""
        self._counts[call] += 1
        os.write(self._calls, f"{call}\n".encode())
        point = self._point
        return point.moment if point and (point.call, point.number) == (call, self._counts[call]) else ""

    def _is_armed(self) -> bool:
        try:
            written = self._armed.stat().st_mtime_ns
            if written != self._written:
                text = self._armed.read_text()
                self._written, self._point = written, Point.parse(text) if text else self._told
                if text != self._text:  # the same point again: what was not reached yet is counted on
                    self._text = text
                    self._counts.clear()
        except FileNotFoundError:
            return False
        return True

    def kill(self) -> None:
        """Say where, and die."""
        (self._folder / KILLED).write_text(str(self._point))
        os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, port: str, instance: Wrapped) -> Wrapped:
        """The instance, each of its counted methods standing under the axe."""
        for method in PORTS[port]:
            real = getattr(instance, method)
            axed = self._asynchronous if inspect.iscoroutinefunction(real) else self._synchronous
            setattr(instance, method, axed(f"{port}.{method}", real))
        return instance

    def _asynchronous(self, call: str, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(real)
        async def counted(*args: Any, **kwargs: Any) -> Any:
            match self.called(call):
                case "before":
                    self.kill()
                case "within":
                    await asyncio.wait(
                        {asyncio.ensure_future(real(*args, **kwargs))}, timeout=_BEGUN.get(call, _MOMENT)
                    )
                    self.kill()
                case "after":
                    await real(*args, **kwargs)
                    self.kill()
            return await real(*args, **kwargs)

        return counted

    def _synchronous(self, call: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def counted(*args: Any, **kwargs: Any) -> Any:
            moment = self.called(call)
            if moment == "before":
                self.kill()
            found = real(*args, **kwargs)
            if moment:
                self.kill()
            return found

        return counted


def install(executioner: Executioner) -> None:
    """Let every runtime that is opened from now on have wrapped ports."""
    for port in ("record_store", "event_log", "message_bus", "blob_store"):
        setattr(registry, port, _wrapping(executioner, port, getattr(registry, port)))
    runtime: Any = common.runtime
    runtime.ProcessTaskRunner = _wrapping(executioner, "task_runner", runtime.ProcessTaskRunner)
    runtime.Journal = _wrapping(executioner, "journal", Journal)


def _wrapping(executioner: Executioner, port: str, make: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: executioner.wrap(port, make(*args, **kwargs))


if __name__ == "__main__":
    told = os.environ.get(KILL)
    install(Executioner(Path(os.environ[FOLDER]), Point.parse(told) if told else None))
    main()
