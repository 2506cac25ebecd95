"""Helpers of the task runner's tests: run a task, note what it tells, wait for conditions."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from common.contracts.jobs import Progress
from common.ports.task_runner import TaskOutcome, TaskRunner, TaskSpec

MODULE = "tests.tasks_for_tests"


def task(name: str, request: dict[str, Any] | None = None, **more: Any) -> TaskSpec:
    """A task of the test module under an id and a key of its own."""
    given = {"id": f"{name}-{secrets.token_hex(4)}", "key": secrets.token_bytes(32)} | more
    return TaskSpec(function=f"{MODULE}:{name}", request=request or {}, **given)


@dataclass
class Told:
    """What a task told while it ran."""

    progress: list[Progress] = field(default_factory=list)
    output: bytearray = field(default_factory=bytearray)

    def pid(self, step: str) -> int | None:
        """The process id that came as the message of a step."""
        return next((int(one.message) for one in self.progress if one.step == step), None)

    def has(self, step: str) -> bool:
        return any(one.step == step for one in self.progress)


async def run(runner: TaskRunner, spec: TaskSpec, told: Told | None = None) -> TaskOutcome:
    """Run a task to its end."""
    told = told or Told()
    return await runner.run(spec, on_progress=told.progress.append, on_output=told.output.extend)


def begin(runner: TaskRunner, spec: TaskSpec) -> tuple[asyncio.Task[TaskOutcome], Told]:
    """Run a task beside the test."""
    told = Told()
    return asyncio.create_task(run(runner, spec, told)), told


async def until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait for a condition to be true and give its value; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.005)
    return value


def lives(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes(name: str) -> list[psutil.Process]:
    """The processes of the only runner that is open here: its `guard`, or what runs `fork_server` (server and workers).

    Platforms that other tests have started have runners too, as grandchildren of this process.
    """
    guards = [one for one in psutil.Process().children() if _runs(one, "guard")]
    if name == "guard":
        return guards
    return [one for guard in guards for one in guard.children(recursive=True) if _runs(one, name)]


def server() -> psutil.Process:
    """The fork server of that runner: the one below the guard."""
    return next(one for one in processes("fork_server") if one.parent() in processes("guard"))


def _runs(process: psutil.Process, name: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):  # as are zombies
        return f"common.adapters.task_runner.{name}" in process.cmdline()
    return False


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())
