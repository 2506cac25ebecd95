"""Port: the task runner, which computes a function in a process of its own, within limits, whatever it does.

    caller ── TaskSpec ──> TaskRunner.run ──> run(request, files) in a child ──> TaskOutcome ──> caller

A task function is a plain function on the runner's allow-list; what it may rely on is `TaskFiles`:

    def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]: ...
"""

from __future__ import annotations

import asyncio
import shutil
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from common.contracts.jobs import Progress
from common.ports.port import Port

RESULT_LIMIT = 8 * 2**20
"""Bytes of JSON that a function may return; what is larger is an output."""


class TaskFiles(Protocol):
    """What a task function has besides its request: named inputs and outputs, and a way to say how far it is.

    A name that the task was not given is `errors.Internal`: function and caller disagree.
    """

    def input(self, name: str) -> Path:
        """The path of a plain input, to be read only."""
        ...

    def read(self, name: str) -> bytes:
        """A sealed input, opened, whole in memory. `errors.IntegrityError` if it is not what was sealed."""
        ...

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A stream for a sealed output, without seeking; the output exists once the block has ended well."""
        ...

    def output_path(self, name: str) -> Path:
        """Where the function shall write a plain output."""
        ...

    def progress(self, step: str, fraction: float | None = None, message: str = "") -> None:
        """Tell what is being done; `fraction` is 0..1. Never blocks: what comes too often is dropped."""
        ...


@dataclass(frozen=True)
class Limits:
    """What one task may use, all its processes together. Sizes are bytes, times seconds."""

    wall_seconds: float = 3600.0
    cpu_seconds: float | None = None
    memory: int = 4 * 2**30
    output: int = 2**20
    """Bytes on standard output and standard error together."""
    folder: int = 8 * 2**30
    """Bytes of all files of the task, and of one file."""
    files: int = 10_000
    threads: int = 1
    """Threads of BLAS and OpenMP: the task's share of the cores."""
    processes: int = 512
    """Threads of all its processes together."""


@dataclass(frozen=True)
class SealedInput:
    """A file of sealed frames: its path, the 32 bytes that open it, and the blob name it was sealed for."""

    path: Path
    key: bytes = field(repr=False)
    blob: str


@dataclass(frozen=True)
class TaskSpec:
    """One task. `id` is unique among the running ones; `key` are the 32 random bytes of this attempt."""

    id: str
    function: str
    """`package.module:function`, on the allow-list of the runner."""
    request: Mapping[str, Any] = field(repr=False)
    key: bytes = field(repr=False)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    sealed_inputs: Mapping[str, SealedInput] = field(default_factory=dict)
    sealed_outputs: Mapping[str, str] = field(default_factory=dict)
    """Name of the output -> blob name it is sealed for (under `key`)."""
    plain_outputs: frozenset[str] = frozenset()
    limits: Limits = Limits()


class OutcomeKind(StrEnum):
    """How a task ended."""

    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"


@dataclass(frozen=True)
class Problem:
    """Why a task failed.

    `code` is that of an error the function raised (`common.errors`), or one of

    - `out_of_memory time_limit cpu_limit output_limit disk_limit limit:processes`: a limit was reached
    - `task_error`: the function raised something unexpected, or returned what is no result
    - `worker_killed crashed crashed:<SIGNAL>`: the process went away, trying again may help (`retryable`)
    """

    code: str
    detail: str
    retryable: bool = False
    errors: tuple[Mapping[str, Any], ...] = ()
    """The flaws of an `errors.Invalid`, as documents."""

    def document(self) -> dict[str, Any]:
        """The form that a record keeps."""
        shown: dict[str, Any] = {"code": self.code, "detail": self.detail}
        if self.errors:
            shown["errors"] = [dict(item) for item in self.errors]
        return shown


@dataclass(frozen=True)
class Usage:
    """What the task used: wall-clock and CPU seconds, and its peak of resident bytes, libraries included."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0


@dataclass(frozen=True)
class TaskOutcome:
    """How a task ended: `result` if it succeeded, `problem` if it failed.

    `outputs` are the paths of what it wrote, inside `folder`: move them away, then `release()`; or use the
    outcome as an async context manager.
    """

    kind: OutcomeKind
    usage: Usage
    result: dict[str, Any] | None = field(default=None, repr=False)
    problem: Problem | None = None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    folder: Path | None = None

    async def release(self) -> None:
        """Remove the work folder with all that is left in it. Idempotent."""
        if self.folder is not None:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()


class TaskRunner(Port):
    """Runs tasks in processes of their own, each one at once: how many there may be is the caller's business.

    Opening does not wait until tasks can be started (`ready`); `run` does. Closing cancels what is running.
    """

    @abstractmethod
    def ready(self) -> bool:
        """Whether a task would start without waiting for anything to be loaded."""

    @abstractmethod
    async def run(
        self,
        task: TaskSpec,
        *,
        on_progress: Callable[[Progress], None],
        on_output: Callable[[bytes], None],
    ) -> TaskOutcome:
        """Run a task to its end; none of its processes is left when this returns or raises `CancelledError`.

        Whatever the task does becomes an outcome. Raised is only what says that it was never started:
        `errors.Invalid` (a function that is not on the allow-list, a bad name), `errors.Conflict` (the id is
        running), `errors.Unavailable`. The callbacks run on the event loop, in order, and must not block;
        what one raises ends the task and is raised here. `on_output` gets standard output and error as they
        come, at most `limits.output` bytes in all.
        Cancelling the caller stops the task: SIGTERM, then SIGKILL after a grace.
        """

    @abstractmethod
    async def cancel(self, task_id: str) -> bool:
        """Stop a running task: its `run` returns `cancelled`, or what was reached before. False if none runs.

        Returns when the task was told; `run` tells when it is over.
        """
