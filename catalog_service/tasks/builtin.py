"""Task: a dataset that scikit-learn carries, as the CSV file that is then uploaded like any other."""

from __future__ import annotations

from typing import Any

from common.learning.carried_in import builtin
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Write the dataset of the request's `name` to the output `upload`."""
    content = builtin(request["name"])
    files.output_path("upload").write_bytes(content)
    return {"name": request["name"], "size": len(content)}
