"""The records of a CSV file as a strict reader sees them (RFC 4180), in blocks of bounded size, each with its line.

The dialects beyond the RFC: another delimiter or quote, blanks after a delimiter, any of the three line ends.

Most chunks of most files hold no quote, no blank line and no mistake: Arrow splits these, an order of magnitude faster.
Every other chunk is read again by the csv module, record by record, which knows where it is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from common.learning.csv_lines import Lines, Source, squeezed
from common.learning.csv_mistakes import ragged, unreadable
from common.learning.csv_options import Dialect, Limits
from common.learning.malformed import bad_data
from common.learning.text_spool import TextBlock
from common.learning.unique_names import unique

_CHUNK_A_COLUMN = 1 << 12
"""Characters: with fewer, each column costs more for being looked at than for what is in it."""


class Records:
    """The records of an open file: `names` from its header or made up, then `blocks()`, once."""

    def __init__(self, source: Source, dialect: Dialect, limits: Limits) -> None:
        """Reads the first record. Raises `errors.BadData`: `empty`, `quote`, `limit`."""
        self._dialect = dialect
        self._limits = limits
        blanks = dialect.delimiter == " "
        self._lines = Lines(source, limits.line, partial(squeezed, quote=dialect.quote) if blanks else None)
        for _ in range(dialect.skip):
            next(self._lines)
        self._reader: Any = csv.reader(self._lines, strict=True, **reader_options(dialect.delimiter, dialect.quote))
        self._first: tuple[int, list[str]] | None = None
        self.notes: list[str] = []
        line, row = self._first_record()
        if len(row) > limits.columns:
            raise bad_data("limit", f"{len(row)} columns, more than the {limits.columns} allowed", line=line)
        self._lines.chunk = max(self._lines.chunk, len(row) * _CHUNK_A_COLUMN)
        if dialect.header:
            self.names = self._header(line, row)
        else:
            self.names = made_up_names(len(row))
            self._first = (line, row)

    def blocks(self) -> Iterator[TextBlock]:
        """Blocks of records: their cells as written, but unquoted; an empty one may be null.

        Raises `errors.BadData`: `ragged`, `quote`, `dialect`, `limit`, and `empty` if there is no record at all.
        """
        count = 0
        while self._lines.load() or self._first:
            block = self._plain_block() or self._strict_block()
            if block is None:
                continue
            count += len(block.lines)
            if count > self._limits.rows:
                line = block.lines[self._limits.rows - count].as_py()
                raise bad_data("limit", f"more than the {self._limits.rows} rows allowed", line=line)
            yield block
        if count == 0:
            raise bad_data("empty", "the file has a header and no row", line=1)

    def _first_record(self) -> tuple[int, list[str]]:
        while self._lines.load():
            first = next(self._records(), None)
            if first is not None:
                return first
        raise bad_data("empty", "the file has no line with anything in it")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The records that begin in the chunk at hand, each with its line; no blank lines."""
        lines, reader = self._lines, self._reader
        csv.field_size_limit(self._limits.cell)  # a global of the csv module: set whenever it is asked for records
        while not lines.used_up:
            line, lines.first = lines.count + 1, ""
            try:
                row = next(reader)
            except csv.Error as error:
                several = lines.count > line
                raise unreadable(error, line, lines.first, several, self._dialect, self._limits) from error
            if len(row) > 1 or lines.first.strip():  # a pair of quotes is an empty cell, blanks alone are a blank line
                yield line, row

    def _strict_block(self) -> TextBlock | None:
        width = len(self.names)
        lines: list[int] = []
        rows: list[list[str]] = []
        if self._first is not None:
            lines, rows, self._first = [self._first[0]], [self._first[1]], None
        for line, row in self._records():
            if len(row) != width:
                raise ragged(line, row, self.names, self._dialect)
            lines.append(line)
            rows.append(row)
        if not rows:
            return None
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return TextBlock(columns, pa.array(lines, pa.int64()))

    def _plain_block(self) -> TextBlock | None:
        """The rest of the chunk, if it is so simple that each line is a record; else None, and nothing has happened."""
        if self._first is not None or len(self.names) == 1:
            return None
        chunk = self._lines.take()
        block = _split(chunk, self._dialect, len(self.names), self._limits.cell, self._lines.count + 1)
        if block is None:
            self._lines.put_back(chunk)
        else:
            self._lines.count += len(block.lines)
        return block

    def _header(self, line: int, row: list[str]) -> list[str]:
        return unique(row, self.notes, longest=self._limits.name, line=line)


def made_up_names(width: int) -> list[str]:
    """The names of columns without a header: `column_1`, `column_2`, …"""
    return [f"column_{number}" for number in range(1, width + 1)]


def reader_options(delimiter: str, quote: str) -> dict[str, Any]:
    """The arguments of `csv.reader` for a delimiter and a quote; an empty quote is none."""
    quoting = {"quotechar": quote, "quoting": csv.QUOTE_MINIMAL} if quote else {"quoting": csv.QUOTE_NONE}
    return {"delimiter": delimiter, "doublequote": True, "skipinitialspace": delimiter != " ", **quoting}


def _split(chunk: bytes, dialect: Dialect, width: int, longest: int, line: int) -> TextBlock | None:
    """Records of a chunk without quotes, blank lines, lone `\r`, or rows of another width; else None."""
    if not chunk or not dialect.delimiter.isascii() or (dialect.quote and dialect.quote.encode() in chunk):
        return None
    if chunk[:1] in b"\r\n" or b"\n\n" in chunk or b"\n\r" in chunk or chunk.count(b"\r") != chunk.count(b"\r\n"):
        return None
    names = made_up_names(width)
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(chunk),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(chunk) + 1, column_names=names),
            arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=False, double_quote=False, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    rows = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    columns = [column.combine_chunks() for column in table.columns]
    if table.num_rows != rows or any((pc.max(pc.binary_length(one)).as_py() or 0) > longest for one in columns):
        return None
    return TextBlock(columns, pa.array(np.arange(line, line + rows)))
