"""Task: what to know of a stored table before training on it."""

from __future__ import annotations

import json
from typing import Any

from common.learning.exploration import explore
from common.learning.table import StoredTable
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """The inputs `table` (Parquet) and `profile` (JSON, as `parse.run` described it) with the request's `target`.

    The result is that of `exploration.explore`. The target is a column of the table, or null.
    """
    profile = json.loads(files.input("profile").read_bytes())["profile"]
    with StoredTable(files.input("table")) as table:
        return explore(table, profile["columns"], request["target"], files.progress)
