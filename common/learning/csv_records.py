"""The records of a CSV file as a strict reader sees them (RFC 4180), in blocks of bounded size, each with its line.

The dialects beyond the RFC: another delimiter or quote, blanks after a delimiter, any of the three line ends.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.learning.csv_options import DELIMITERS, Dialect, Limits
from common.learning.malformed import bad_data, shown

_BLOCK_CELLS = 1 << 20
_BLOCK_ROWS = 1 << 16
_BLOCK_CHARACTERS = 1 << 25


@dataclass
class Block:
    """Some successive records, all of one width; `lines[i]` is the line, from 1, on which `rows[i]` begins."""

    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


class Records:
    """The records of a file: `names` from its header or made up, then `blocks()`, once."""

    def __init__(self, path: Path, dialect: Dialect, limits: Limits) -> None:
        self._dialect = dialect
        self._limits = limits
        self._binary = path.open("rb")
        self._size = max(path.stat().st_size, 1)
        text = io.TextIOWrapper(self._binary, dialect.encoding, newline="")
        self._lines = _Lines(text, limits.line)
        self._reader: Any = csv.reader(
            self._lines, strict=True, **reader_options(dialect.delimiter, dialect.quote)
        )
        self._rows = self._records()
        first = next(self._rows, None)
        if first is None:
            raise bad_data("empty", "the file has no line with anything in it")
        self._first: tuple[int, list[str]] | None = None if dialect.header else first
        self.notes: list[str] = []
        self.names = self._header(*first) if dialect.header else made_up_names(self._width(*first))

    def blocks(self, progress: Callable[[float], None]) -> Iterator[Block]:
        """Blocks of records; `progress` is told which share of the file has been read.

        Raises `errors.BadData`: `ragged`, `quote`, `dialect`, `limit`, and `empty` if there is no record at all.
        """
        width, count = len(self.names), 0
        block_rows = max(64, min(_BLOCK_ROWS, _BLOCK_CELLS // width))
        block = Block()
        for line, row in self._rows if self._first is None else _chain(self._first, self._rows):
            if len(row) != width:
                if width > 1 and len(row) == 1 and not row[0].strip():
                    continue  # a line of blanks
                raise self._ragged(line, row)
            block.lines.append(line)
            block.rows.append(row)
            if len(block.rows) >= block_rows or self._lines.taken >= _BLOCK_CHARACTERS:
                count += len(block.rows)
                self._lines.taken = 0
                self._check_rows(count, line)
                progress(min(1.0, self._binary.tell() / self._size))
                yield block
                block = Block()
        count += len(block.rows)
        self._check_rows(count, self._lines.count)
        if count == 0:
            raise bad_data("empty", "the file has a header and no row", line=1)
        if block.rows:
            yield block

    def close(self) -> None:
        """Close the file."""
        self._binary.close()

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        # The limit is a global of the csv module; it holds whenever a record is read here.
        reader, lines, limit = self._reader, self._lines, self._limits.cell
        csv.field_size_limit(limit)
        line = 1
        try:
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
                lines.first = ""
        except csv.Error as error:
            raise self._unreadable(line, error) from error

    def _unreadable(self, line: int, error: csv.Error) -> Exception:
        quote, first = self._dialect.quote, self._lines.first
        column = _open_quote(first, self._dialect.delimiter, quote)
        if "field larger than field limit" in str(error) and self._lines.count == line:
            column = 1 + _longest(first, self._dialect.delimiter)
            return bad_data(
                "limit", f"a cell of more than {self._limits.cell} characters", line=line, column=column
            )
        if "expected after" in str(error):
            what = f"text after the closing quote {quote}; inside a quoted cell a quote is written twice"
        elif "unexpected end" in str(error) or "field limit" in str(error):
            what = f"the quote {quote} opened here is never closed"
        else:
            what = str(error)
        return bad_data("quote", what, line=line, column=column)

    def _width(self, line: int, row: list[str]) -> int:
        if len(row) > self._limits.columns:
            raise bad_data(
                "limit", f"{len(row)} columns, more than the {self._limits.columns} allowed", line=line
            )
        return len(row)

    def _header(self, line: int, row: list[str]) -> list[str]:
        self._width(line, row)
        names: list[str] = []
        first: dict[str, int] = {}
        for column, cell in enumerate(row, 1):
            name = " ".join(cell.split())
            if not name:
                name = f"column_{column}"
                self.notes.append(f"column {column} has no name in the header and is called {name}")
            if len(name) > self._limits.name:
                what = f"a name of {len(name)} characters, more than the {self._limits.name} allowed"
                raise bad_data("limit", what, line=line, column=column, name=name)
            if name in first:
                what = f"the name is that of column {first[name]} too; column names must differ"
                raise bad_data("duplicate_column", what, line=line, column=column, name=name)
            first[name] = column
            names.append(name)
        return names

    def _ragged(self, line: int, row: list[str]) -> Exception:
        width, found = len(self.names), len(row)
        if found == 1:
            for other in DELIMITERS:
                if other != self._dialect.delimiter and row[0].count(other) == width - 1:
                    what = f"the delimiter is {other!r} here and {self._dialect.delimiter!r} before"
                    return bad_data("dialect", what, line=line, column=1)
        if found > width:
            extra = f"cell {width + 1} is {shown(row[width])!r}"
            what = f"{found} cells where there are {width} columns; {extra}"
            return bad_data("ragged", what, line=line, column=width + 1)
        what = f"{found} cells where there are {width} columns; the row ends too early"
        return bad_data("ragged", what, line=line, column=found + 1, name=self.names[found])

    def _check_rows(self, count: int, line: int) -> None:
        if count > self._limits.rows:
            raise bad_data("limit", f"more than the {self._limits.rows} rows allowed", line=line)


class _Lines:
    """Lines for the csv reader, of bounded length; remembers the first line of the record that is being read."""

    def __init__(self, text: io.TextIOWrapper, limit: int) -> None:
        self._readline = text.readline
        self._limit = limit
        self.first = ""
        self.count = 0
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.count += 1
        length = len(line)
        if length > self._limit:
            raise bad_data("limit", f"a line of more than {self._limit} characters", line=self.count)
        self.taken += length
        if not self.first:
            self.first = line
        return line


def made_up_names(width: int) -> list[str]:
    """The names of columns without a header: `column_1`, `column_2`, …"""
    return [f"column_{number}" for number in range(1, width + 1)]


def reader_options(delimiter: str, quote: str) -> dict[str, Any]:
    """The arguments of `csv.reader` for a delimiter and a quote; an empty quote is none."""
    quoting = {"quotechar": quote, "quoting": csv.QUOTE_MINIMAL} if quote else {"quoting": csv.QUOTE_NONE}
    return {"delimiter": delimiter, "doublequote": True, "skipinitialspace": True, **quoting}


def _chain(
    first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _open_quote(text: str, delimiter: str, quote: str) -> int:
    """The column, from 1, of the first cell of a record's first line that is not quoted well."""
    column, position = 1, 0
    while position < len(text):
        while text[position : position + 1] == " ":
            position += 1
        if quote and text[position : position + 1] == quote:
            position += 1
            while True:
                end = text.find(quote, position)
                if end < 0:
                    return column
                if text[end + 1 : end + 2] != quote:
                    break
                position = end + 2
            position = end + 1
            if text[position : position + 1] not in (delimiter, "\r", "\n", ""):
                return column
        following = text.find(delimiter, position)
        if following < 0:
            return column
        column, position = column + 1, following + 1
    return column


def _longest(text: str, delimiter: str) -> int:
    cells = text.split(delimiter)
    return max(range(len(cells)), key=lambda index: len(cells[index]))
