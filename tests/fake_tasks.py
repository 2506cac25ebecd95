"""A task runner without processes: each task does what its request says under `do`, or what the test chose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from common import errors
from common.contracts.jobs import Progress
from common.ports.task_runner import OutcomeKind, Problem, TaskOutcome, TaskRunner, TaskSpec, Usage
from common.records.frames import FrameWriter

RESULT: Mapping[str, Any] = {"measures": {"test": {"f1": 0.9}}, "usage": {"fits": 1}}


class FakeTaskRunner(TaskRunner):
    """`do` is one of `succeed fail crash hang hold refuse break`; `print` is what the task prints.

    `hang` ends only when it is stopped, `hold` also when the test says `let_go`. Sealed outputs hold `content`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.do = "succeed"
        self.result: Mapping[str, Any] = RESULT
        self.content = b"model"
        self.started: list[TaskSpec] = []
        self.running: dict[str, asyncio.Event] = {}
        self.stopped: list[str] = []
        self._held: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    def ready(self) -> bool:
        return True

    async def run(
        self, task: TaskSpec, *, on_progress: Callable[[Progress], None], on_output: Callable[[bytes], None]
    ) -> TaskOutcome:
        if task.id in self.running:
            raise errors.Conflict(f"{task.id} runs already")
        asked = task.request.get("do", self.do)
        self.started.append(task)
        stop = self.running[task.id] = asyncio.Event()
        held = self._held.setdefault(task.id, asyncio.Event())
        try:
            on_progress(Progress(step="fitting", fraction=0.5))
            if text := task.request.get("print"):
                on_output(str(text).encode())
            if asked in ("hang", "hold"):
                waits = [asyncio.create_task(stop.wait())]
                if asked == "hold":
                    waits.append(asyncio.create_task(held.wait()))
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in waits:
                        one.cancel()
                if stop.is_set():
                    return TaskOutcome(OutcomeKind.cancelled, Usage())
            return self._outcome(task, asked)
        finally:
            del self.running[task.id]

    def _outcome(self, task: TaskSpec, asked: str) -> TaskOutcome:
        usage = Usage(0.5, 0.25, 1_000)
        match asked:
            case "fail":
                return TaskOutcome(OutcomeKind.failed, usage, problem=Problem("bad_data", "only one class is left"))
            case "crash":
                problem = Problem("worker_killed", "its process went away", retryable=True)
                return TaskOutcome(OutcomeKind.failed, usage, problem=problem)
            case "refuse":
                raise errors.Unavailable("the fork server is away")
            case "break":
                raise ZeroDivisionError("a mistake of the program, with a secret")
        outputs = {}
        for name, blob in task.sealed_outputs.items():
            path = self.folder / f"{task.id}-{len(self.started)}-{name}"
            with path.open("wb") as target, FrameWriter(target, task.key, blob) as writer:
                writer.write(self.content)
            outputs[name] = path
        return TaskOutcome(OutcomeKind.succeeded, usage, result=dict(self.result), outputs=outputs)

    def let_go(self, task_id: str) -> None:
        """Let a task that holds succeed."""
        self._held.setdefault(task_id, asyncio.Event()).set()

    async def cancel(self, task_id: str) -> bool:
        stop = self.running.get(task_id)
        if stop is None:
            return False
        self.stopped.append(task_id)
        stop.set()
        return True

    def attempts(self, task_id: str) -> int:
        """How often the task was started."""
        return sum(one.id == task_id for one in self.started)
