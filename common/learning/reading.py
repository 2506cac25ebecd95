"""From an uploaded file of any accepted format to a stored table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from common.contracts.datasets import ColumnType
from common.learning import unpacking
from common.learning.csv_options import Limits, Told
from common.learning.csv_table import read_csv
from common.learning.json_table import read_ndjson
from common.learning.read_table import Progress, ReadTable
from common.learning.typed_table import read_typed


def read_table(
    source: Path, target: Path, told: Told, types: Mapping[str, ColumnType], limits: Limits, progress: Progress
) -> ReadTable:
    """Read a file as a table and store it as the Parquet file `target`; its format is known by its first bytes.

    Raises `errors.BadData` for a malformed file, `errors.UnsupportedMediaType` for a format that is not accepted,
    `errors.Invalid` for a type told for a column that there is not.
    """
    compression = unpacking.compression_of(source)
    if compression is None:
        return _read(source, target, told, types, limits, progress)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="unpacked-") as folder:
        text = Path(folder) / "text"
        unpacking.unpack(
            source, text, compression, limits.unpacked, lambda fraction: progress("unpacking", min(1.0, fraction))
        )
        found = _read(text, target, told, types, limits, progress)
    options = found.options.model_copy(update={"compression": compression})
    return replace(found, options=options)


def _read(
    source: Path, target: Path, told: Told, types: Mapping[str, ColumnType], limits: Limits, progress: Progress
) -> ReadTable:
    match unpacking.kind_of(source):
        case unpacking.CSV:
            return read_csv(source, target, told, types, limits, progress)
        case unpacking.NDJSON:
            return read_ndjson(source, target, told, types, limits, progress)
        case kind:
            return read_typed(source, target, kind, told, types, limits, progress)
