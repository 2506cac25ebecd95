"""Task: an uploaded file becomes a stored table, and what there is to know about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.contracts.datasets import Column, ReadOptions
from common.learning.csv_options import Limits, Told, told_types
from common.learning.preview import preview
from common.learning.profile import describe
from common.learning.reading import read_table
from common.learning.table import StoredTable
from common.ports.task_runner import TaskFiles


def run(request: dict[str, Any], files: TaskFiles) -> dict[str, Any]:
    """Read the input `upload` into the output `table` (Parquet).

    Request: `options` (`UploadOptions` without `types`), `types` {column: type}, `limits` {rows, columns, cell}, each
    optional. Result: `metadata` {digest, rows, columns, options, notes}, `preview`, `profile`. Raises `errors.BadData`
    for a malformed file, `errors.UnsupportedMediaType` for a format that is not taken, `errors.Invalid` for options or
    types that cannot be meant.
    """
    told = Told.parse(request.get("options") or {})
    types = told_types(request.get("types") or {})
    limits = Limits.parse(request.get("limits") or {})
    target = files.output_path("table")
    read = read_table(files.input("upload"), target, told, types, limits, files.progress)
    return described(target, read.digest, read.options, read.notes, files)


def described(
    path: Path, digest: str, options: ReadOptions | None, notes: Sequence[str], files: TaskFiles
) -> dict[str, Any]:
    """The result of a task that has stored a table at `path`; `options` is None if no file was read for it."""
    with StoredTable(path) as table:
        profile = describe(table, lambda fraction: files.progress("describing", fraction))
        shown = preview(table)
    metadata = {
        "digest": digest,
        "rows": profile["rows"],
        "columns": [Column.model_validate(column).model_dump(mode="json") for column in profile["columns"]],
        "options": None if options is None else options.model_dump(mode="json"),
        "notes": list(notes),
    }
    return {"metadata": metadata, "preview": shown, "profile": profile}
