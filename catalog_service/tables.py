"""Tables in child processes: reading a file, converting, retyping, and making the carried-in files."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import errors, ids
from common.contracts.datasets import UploadOptions
from common.ports.task_runner import Limits, OutcomeKind, Problem, TaskOutcome, TaskRunner, TaskSpec

_LIMITS = ("out_of_memory", "time_limit", "cpu_limit", "output_limit", "disk_limit")


class Tables:
    """Runs the tasks of this service, as many at once as the installation has slots."""

    def __init__(self, runner: TaskRunner, *, slots: int, memory: int, seconds: float, attempts: int) -> None:
        self._runner, self._slots, self._attempts = runner, asyncio.Semaphore(slots), attempts
        self._limits = Limits(wall_seconds=seconds, memory=memory)

    @contextlib.asynccontextmanager
    async def parsed(self, path: Path, options: UploadOptions) -> AsyncIterator[TaskOutcome]:
        """The table of a file: `result` {metadata, preview, profile} and the output `table` (Parquet).

        Raises `errors.BadData` if the file is no table, or takes more memory or time than reading may.
        """
        told = options.model_dump(mode="json", exclude_none=True, exclude={"types"})
        request = {"options": told, "types": dict(options.types or {}), "limits": {}}
        async with self._run("parse:run", request, {"upload": path}, "table") as outcome:
            yield outcome

    @contextlib.asynccontextmanager
    async def retyped(self, path: Path, columns: list[dict[str, Any]]) -> AsyncIterator[TaskOutcome]:
        """A table with other column types; as `parsed`."""
        async with self._run("convert:retype", {"columns": columns}, {"table": path}, "table") as outcome:
            yield outcome

    async def explored(self, path: Path, profile: Path, target: str | None) -> dict[str, Any]:
        """How the columns of a table go together, and with a target; `profile` is what `parsed` said of them."""
        inputs = {"table": path, "profile": profile}
        async with self._run("explore:run", {"target": target}, inputs) as outcome:
            return dict(outcome.result or {})

    @contextlib.asynccontextmanager
    async def exported(self, path: Path, format: str) -> AsyncIterator[TaskOutcome]:
        """A table as another format, in the output `content`."""
        async with self._run("convert:export", {"format": format}, {"table": path}, "content") as outcome:
            yield outcome

    @contextlib.asynccontextmanager
    async def builtin(self, name: str) -> AsyncIterator[TaskOutcome]:
        """One of scikit-learn's datasets as a CSV file, in the output `upload`."""
        async with self._run("builtin:run", {"name": name}, {}, "upload") as outcome:
            yield outcome

    async def estimators(self, packages: Sequence[str]) -> dict[str, Any]:
        """The estimators of scikit-learn and of these packages: `{estimators, unread}`."""
        async with self._run("estimators:run", {"packages": list(packages)}, {}) as outcome:
            return dict(outcome.result or {})

    @contextlib.asynccontextmanager
    async def _run(
        self, function: str, request: Mapping[str, Any], inputs: Mapping[str, Path], *outputs: str
    ) -> AsyncIterator[TaskOutcome]:
        async with await self._outcome(function, request, inputs, outputs) as outcome:
            yield outcome

    async def _outcome(
        self, function: str, request: Mapping[str, Any], inputs: Mapping[str, Path], outputs: Sequence[str]
    ) -> TaskOutcome:
        problem = Problem("unavailable", "no child process could do this")
        for _ in range(self._attempts):
            task = TaskSpec(
                id=ids.new_id("table"),
                function=f"catalog_service.tasks.{function}",
                request=request,
                key=secrets.token_bytes(32),
                inputs=inputs,
                plain_outputs=frozenset(outputs),
                limits=self._limits,
            )
            async with self._slots:
                outcome = await self._runner.run(task, on_progress=lambda _: None, on_output=lambda _: None)
            if outcome.kind is OutcomeKind.succeeded:
                return outcome
            await outcome.release()
            if outcome.kind is OutcomeKind.cancelled:
                raise errors.Unavailable("the platform is stopping; try again")
            problem = outcome.problem or problem
            if not problem.retryable:
                raise _error(problem)
        if problem.code == errors.StorageFull.code:
            raise _error(problem)
        if problem.code.startswith("crashed"):
            detail = f"the parser crashed on this file each time ({problem.detail}); it is damaged or made to harm"
            raise errors.BadData(detail, flaws=[errors.Flaw("/file", "parser_crashed", detail)])
        raise errors.Unavailable(f"the process that reads the table went away each time: {problem.detail}")


def _error(problem: Problem) -> errors.AutoLearnError:
    if problem.code in _LIMITS:
        detail = f"this table takes more than it may: {problem.detail}"
        return errors.BadData(detail, flaws=[errors.Flaw("/file", "limit", detail)])
    return errors.from_problem({**problem.document(), "status": 500})
