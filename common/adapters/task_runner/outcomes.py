"""From how a worker ended to the outcome of its task."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import errors
from common.adapters.task_runner.work_folders import OUTPUTS
from common.adapters.task_runner.worker import RESULT, result_blob
from common.ports.task_runner import RESULT_LIMIT, Limits, OutcomeKind, Problem, TaskOutcome, TaskSpec, Usage
from common.records.frames import open_bytes

CANCELLED = "cancelled"
OUTPUT_LIMIT = "output_limit"
_LOST = Problem("worker_killed", "the process of the task was killed", retryable=True)
_NO_RESULT = Problem("crashed", "the process of the task left no result", retryable=True)
_LESS = "or ask for less: fewer rows or columns, a smaller model"
_REASONS = {
    "out_of_memory": "the task used more than the {memory} of memory it may; allow more (limits.memory, "
    f"--memory-limit) {_LESS}",
    "time_limit": "the task took more than the {wall_seconds} s it may; allow more (limits.seconds, --time-limit) "
    f"{_LESS}",
    "cpu_limit": "the task used more than the {cpu_seconds} s of CPU it may",
    OUTPUT_LIMIT: "the task printed more than the {output} it may",
    "disk_limit": "the task wrote more than the {folder} or {files} files it may",
    "limit:processes": "the task had more than the {processes} processes and threads it may",
}


@dataclass(frozen=True)
class Ended:
    """What the fork server said: exit code (negative: signal), and why it stopped the task, if it did."""

    code: int
    reason: str | None
    usage: Usage

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Ended:
        usage = Usage(message["seconds"], message["cpu_seconds"], message["peak_memory"])
        return cls(message["code"], message["reason"], usage)


def read_outcome(task: TaskSpec, folder: Path, ended: Ended | None) -> TaskOutcome:
    """The outcome of a task whose processes are gone; `ended` is None if the server went too. Reads files."""
    usage = ended.usage if ended else Usage()
    problem = _LOST
    if ended is not None and ended.code == 0 and ended.reason != OUTPUT_LIMIT:
        # It came to its end by itself, even if somebody asked it to stop meanwhile.
        document = _result(task, folder)
        if document is not None and "result" in document:
            outputs = _outputs(task, folder)
            return TaskOutcome(OutcomeKind.succeeded, usage, document["result"], None, outputs, folder)
        problem = _told(document["problem"]) if document else _NO_RESULT
    elif ended is not None:
        if ended.reason == CANCELLED:
            return TaskOutcome(OutcomeKind.cancelled, usage, folder=folder)
        problem = _death(task, ended)
    return TaskOutcome(OutcomeKind.failed, usage, problem=problem, folder=folder)


def _told(document: Mapping[str, Any]) -> Problem:
    return Problem(
        document["code"],
        document["detail"],
        retryable=document.get("retryable", False),
        errors=tuple(document.get("errors", ())),
    )


def _death(task: TaskSpec, ended: Ended) -> Problem:
    if ended.reason in _REASONS:
        return Problem(ended.reason, _REASONS[ended.reason].format_map(_in_words(task.limits)))
    if ended.code == -signal.SIGKILL:
        return _LOST
    if ended.code == -signal.SIGXCPU:
        return Problem("cpu_limit", _REASONS["cpu_limit"].format_map(_in_words(task.limits)))
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        return Problem(f"crashed:{name}", f"the process of the task ended by {name}", retryable=True)
    return Problem("crashed", f"the process of the task exited with {ended.code}", retryable=True)


def _in_words(limits: Limits) -> dict[str, object]:
    sizes = {name: f"{getattr(limits, name) / 2**20:.4g} MiB" for name in ("memory", "output", "folder")}
    return {**vars(limits), **sizes}


def _result(task: TaskSpec, folder: Path) -> dict[str, Any] | None:
    try:
        with (folder / RESULT).open("rb") as source:
            body = open_bytes(source, task.key, result_blob(task.id), max_size=2 * RESULT_LIMIT)
    except (FileNotFoundError, errors.IntegrityError, errors.TooLarge):
        return None
    document: dict[str, Any] = json.loads(body)
    return document


def _outputs(task: TaskSpec, folder: Path) -> dict[str, Path]:
    """What the function wrote of what it may; links do not count, a service would follow them for it."""
    paths = {name: folder / OUTPUTS / name for name in (*task.sealed_outputs, *task.plain_outputs)}
    return {name: path for name, path in paths.items() if path.is_file() and not path.is_symlink()}
