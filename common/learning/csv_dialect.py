"""How a CSV file is written, found from its first records: delimiter, quote, header, decimal mark.

A simple and explainable form of consistency measures (van den Burg, Nazábal, Sutton: "Wrangling messy CSV files by
detecting row and type patterns", 2019): the right delimiter gives records of one width whose cells look like values.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from common.learning.csv_encoding import find_encoding
from common.learning.csv_options import DELIMITERS, MISSING_WORDS, Dialect, Told
from common.learning.csv_records import reader_options

_SAMPLE_CHARACTERS = 1 << 18
_SAMPLE_RECORDS = 500
_VALUE = re.compile(
    r"""[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?    # a number
    | [+-]?(inf|infinity)
    | \d{4}-\d{2}-\d{2}([ T][\d:.]+(Z|[+-][\d:]+)?)?   # a date or moment
    | true | false""",
    re.VERBOSE | re.IGNORECASE,
)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT_NUMBER = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")

_Rows = list[list[str]]


def find_dialect(path: Path, told: Told) -> tuple[Dialect, list[str]]:
    """The dialect of a file, what was told before what is detected; and what there is to note about it.

    Raises `errors.BadData` with `encoding`, `nul` or `empty`.
    """
    encoding, notes = find_encoding(path, told.encoding)
    missing = MISSING_WORDS if told.missing is None else told.missing
    with path.open(encoding=encoding, newline="") as source:
        sample = source.read(_SAMPLE_CHARACTERS)
        whole = not source.read(1)
    quotes = ['"', "'"] if told.quote is None else [told.quote]
    delimiters = DELIMITERS if told.delimiter is None else (told.delimiter,)
    choices = [
        (delimiter, quote, _parse(sample, delimiter, quote, whole)) for quote in quotes for delimiter in delimiters
    ]
    delimiter, quote, rows = max(choices, key=lambda choice: _score(choice[2], choice[1], missing))
    if told.quote is None and quote == "'" and not _is_quoted_by(rows, sample, "'"):
        quote = '"'
        rows = _parse(sample, delimiter, quote, whole)
    decimal = told.decimal or _decimal(rows, delimiter)
    if decimal == "," and told.decimal is None:
        notes.append("numbers are read with a decimal comma")
    header = told.header if told.header is not None else _has_header(rows, missing)
    return Dialect(delimiter, encoding, header, quote, decimal, missing), notes


def _parse(sample: str, delimiter: str, quote: str, whole: bool) -> _Rows:
    reader = csv.reader(_lines(sample), **reader_options(delimiter, quote))
    rows: _Rows = []
    try:
        for row in islice(reader, _SAMPLE_RECORDS):
            if row and (len(row) > 1 or row[0].strip()):
                rows.append([cell.strip() for cell in row])
    except csv.Error:  # a cell larger than a sample has to show; the strict reader will tell
        return rows
    if not whole and len(rows) > 1 and reader.line_num >= sample.count("\n"):
        rows.pop()  # the sample may end in the middle of it
    return rows


def _lines(sample: str) -> Iterator[str]:
    yield from re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", sample)


def _score(rows: _Rows, quote: str, missing: Sequence[str]) -> tuple[float, float, int, bool]:
    """How well the rows of a choice look: share of the usual width, share of values among the cells, width."""
    widths = Counter(map(len, rows))
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    if width <= 1:
        return (0.0, _value_share(rows, missing), 1, quote == '"')
    return (count / len(rows), _value_share(rows, missing), width, quote == '"')


def _value_share(rows: _Rows, missing: Sequence[str]) -> float:
    cells = [cell for row in rows[:100] for cell in row]
    good = sum(1 for cell in cells if not cell or cell in missing or _VALUE.fullmatch(cell))
    return good / len(cells) if cells else 0.0


def _is_quoted_by(rows: _Rows, sample: str, quote: str) -> bool:
    """Whether the quote stands around whole cells: a lone apostrophe in a text is none."""
    around = re.findall(rf"(?:^|[,;\t|])\s*{quote}[^{quote}\r\n]*{quote}\s*(?=$|[,;\t|\r\n])", sample, re.MULTILINE)
    return bool(around) and 2 * len(around) == sample.count(quote) and bool(rows)


def _decimal(rows: _Rows, delimiter: str) -> str:
    if delimiter == "," and not any("," in cell for row in rows for cell in row):
        return "."
    cells = [cell for row in rows for cell in row]
    commas = sum(1 for cell in cells if _COMMA_NUMBER.fullmatch(cell))
    points = sum(1 for cell in cells if _POINT_NUMBER.fullmatch(cell))
    return "," if commas > points else "."


def _has_header(rows: _Rows, missing: Sequence[str]) -> bool:
    """Whether the first record names the columns.

    It does if it has words only, and these are no values of their columns: a column below is of another kind, or no
    word of it comes again in its column.
    """
    if not rows:
        return True
    first, rest = rows[0], rows[1:]
    words = [cell for cell in first if cell]
    if not words or any(_VALUE.fullmatch(cell) or cell in missing for cell in words):
        return False
    columns = [[row[index] for row in rest if index < len(row)] for index in range(len(first))]
    columns = [[cell for cell in column if cell and cell not in missing] for column in columns]
    if any(column and all(_VALUE.fullmatch(cell) for cell in column) for column in columns):
        return True
    return not any(name and name in column for name, column in zip(first, columns, strict=True))
