"""From a CSV file to a stored table, in two passes of bounded memory.

    file ── strict records ── texts (spooled, cleaned) ── evidence ── column types ── values ── Parquet
"""

from __future__ import annotations

import difflib
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from common import errors
from common.contracts.datasets import ColumnType, ReadOptions
from common.learning import cells
from common.learning.column_types import Evidence, text_kind
from common.learning.csv_dialect import find_dialect
from common.learning.csv_options import Dialect, Limits, Told
from common.learning.csv_records import Block, Records
from common.learning.malformed import bad_data, shown
from common.learning.table import Kinds, TableWriter

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ReadTable:
    """What was found in a file: the digest of the content, how it was read, and remarks for people."""

    digest: str
    rows: int
    kinds: Kinds
    options: ReadOptions
    notes: list[str]


def read_csv(
    source: Path, target: Path, told: Told, types: Mapping[str, ColumnType], limits: Limits, progress: Progress
) -> ReadTable:
    """Read the CSV file `source` and store its table as the Parquet file `target`.

    Raises `errors.BadData` for a file that is malformed, or a cell that does not fit the type told for its column;
    `errors.Invalid` for a type told for a column that there is not.
    """
    dialect, notes = find_dialect(source, told)
    records = Records(source, dialect, limits)
    try:
        check_names(types, records.names, "/types")
        with tempfile.TemporaryFile(dir=target.parent) as spool:
            evidence, words = _spool(records, dialect, spool, progress)
            texts = _Texts(spool, records.names)
            kinds = _kinds(texts, evidence, types)
            with TableWriter(target, kinds) as writer:
                for number, batch in enumerate(texts.batches(), 1):
                    writer.write(_values(batch, kinds, dialect.decimal))
                    progress("storing", number / texts.count)
    finally:
        records.close()
    notes += records.notes + _remarks(evidence, kinds, types, words, records.names)
    return ReadTable(writer.digest, writer.rows, kinds, dialect.shown(), notes)


def check_names(given: Mapping[str, object] | Sequence[str], names: Sequence[str], pointer: str) -> None:
    """`errors.Invalid` for each given name that is no column, with the names that are like it."""
    flaws = [
        errors.Flaw(
            f"{pointer}/{_escaped(name)}",
            "unknown_column",
            f"there is no column {shown(name)!r}",
            tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5)),
        )
        for name in given
        if name not in set(names)
    ]
    if flaws:
        raise errors.Invalid("A column that is named does not exist.", flaws=flaws)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


class _Texts:
    """The spooled texts: the last column of each batch holds the lines."""

    def __init__(self, spool: tempfile._TemporaryFileWrapper[bytes], names: Sequence[str]) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(f"/proc/self/fd/{spool.fileno()}"))
        self._names = names
        self.count: int = self._reader.num_record_batches
