"""From a CSV file to a stored table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from common.contracts.datasets import ColumnType
from common.learning.csv_dialect import find_dialect
from common.learning.csv_options import Limits, Told
from common.learning.csv_records import Records
from common.learning.malformed import check_names
from common.learning.read_table import Progress, ReadTable
from common.learning.text_table import Reading, store


def read_csv(
    source: Path,
    target: Path,
    told: Told,
    types: Mapping[str, ColumnType],
    limits: Limits,
    progress: Progress,
) -> ReadTable:
    """Read the CSV file `source` and store its table as the Parquet file `target`.

    Raises `errors.BadData` for a file that is malformed, or a cell that does not fit the type told for its column;
    `errors.Invalid` for a type told for a column that there is not.
    """
    dialect, notes = find_dialect(source, told)
    with (
        source.open("rb") as binary,
        io.TextIOWrapper(binary, encoding=dialect.encoding, newline="") as text,
    ):
        records = Records(text, dialect, limits)
        check_names(types, records.names, "/types")
        reading = Reading(records.names, dialect.decimal, dialect.missing, types)
        size = max(1, source.stat().st_size)
        digest, rows, kinds, found = store(
            records.blocks(), target, reading, lambda: progress("reading", binary.tell() / size), progress
        )
    return ReadTable(digest, rows, kinds, dialect.shown(), [*notes, *records.notes, *found])
