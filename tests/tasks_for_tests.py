"""Task functions for the tests of the task runner: each is one thing that a task may do well or badly."""

from __future__ import annotations

from typing import Any

from common.ports.task_runner import TaskFiles


def empty(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    return {"request": request}
