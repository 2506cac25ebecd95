"""Tasks: a stored table as a file for others, and a stored table with other column types."""

from __future__ import annotations

from typing import Any

from catalog_service.tasks.parse import described
from common.contracts.datasets import DatasetChange
from common.learning import export as exporting
from common.learning import retyping
from common.ports.task_runner import TaskFiles


def export(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """The input `table` as output `content`, in the request's `format`: csv, parquet or arrow."""
    target = files.output_path("content")
    exporting.export(
        files.input("table"),
        target,
        request["format"],
        lambda fraction: files.progress("exporting", fraction),
    )
    return {"size": target.stat().st_size}


def retype(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """The input `table` as output `table` with the types of the request's `columns` [{name, type}].

    The result is that of `parse.run`; its `options` are null: those of the version before hold on, and so do its notes.
    """
    change = DatasetChange.model_validate(request)
    types = {column.name: column.type for column in change.columns}
    target = files.output_path("table")
    digest, notes = retyping.retype(
        files.input("table"), target, types, lambda fraction: files.progress("converting", fraction)
    )
    return described(target, digest, None, notes, files)
