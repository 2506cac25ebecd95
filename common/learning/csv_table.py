"""From a CSV file to a stored table."""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from common.contracts.datasets import ColumnType
from common.learning.csv_dialect import find_dialect
from common.learning.csv_lines import Recoded, Source
from common.learning.csv_options import Limits, Told
from common.learning.csv_records import Records
from common.learning.malformed import check_names
from common.learning.read_table import Progress, ReadTable
from common.learning.text_spool import TextBlock
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
    size = max(1, source.stat().st_size)

    def blocks() -> Iterator[TextBlock]:
        """From the beginning, each time."""
        with _opened(source, dialect.encoding) as (binary, text):
            for block in Records(text, dialect, limits).blocks():
                yield block
                progress("reading", binary.tell() / size)

    with _opened(source, dialect.encoding) as (_, text):
        head = Records(text, dialect, limits)
    check_names(types, head.names, "/types")
    reading = partial(Reading, head.names, dialect.decimal, dialect.missing, types)
    digest, rows, kinds, found = store(blocks, target, reading, progress)
    return ReadTable(digest, rows, kinds, dialect.shown(), [*notes, *head.notes, *found])


@contextlib.contextmanager
def _opened(path: Path, encoding: str) -> Iterator[tuple[BinaryIO, Source]]:
    """A file, and its text as UTF-8: which most files are already."""
    with path.open("rb") as binary:
        if encoding == "utf-8-sig":
            binary.seek(len(codecs.BOM_UTF8))
        if encoding == "utf-8-sig" or codecs.lookup(encoding).name == "utf-8":
            yield binary, binary
        else:
            with io.TextIOWrapper(binary, encoding=encoding, newline="") as text:
                yield binary, Recoded(text)
