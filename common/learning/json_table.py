"""From an NDJSON file to a stored table: the texts of a CSV file, read by another reader."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from common.contracts.datasets import ColumnType, ReadOptions
from common.learning.csv_options import MISSING_WORDS, Limits, Told
from common.learning.json_records import JsonRecords
from common.learning.malformed import check_names
from common.learning.read_table import Progress, ReadTable
from common.learning.text_table import Reading, store


def read_ndjson(
    source: Path, target: Path, told: Told, types: Mapping[str, ColumnType], limits: Limits, progress: Progress
) -> ReadTable:
    """Read the NDJSON file `source` and store its table as the Parquet file `target`.

    Raises `errors.BadData` for a malformed line, `errors.Invalid` for a type told for a column that there is not.
    """
    records = JsonRecords(source, told.encoding, limits, lambda fraction: progress("reading", fraction))
    check_names(types, records.names, "/types")
    missing = MISSING_WORDS if told.missing is None else told.missing
    reading = partial(Reading, records.names, ".", missing, types, texts=records.texts)
    digest, rows, kinds, notes = store(records.blocks, target, reading, progress)
    options = ReadOptions(format="ndjson", encoding=records.encoding, missing=list(missing))
    return ReadTable(digest, rows, kinds, options, [*records.notes, *notes])
