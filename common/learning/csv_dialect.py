"""How a CSV file is written, found from its first records: delimiter, quote, header, decimal mark.

A simple and explainable form of consistency measures (van den Burg, Nazábal, Sutton: "Wrangling messy CSV files by
detecting row and type patterns", 2019): the right delimiter gives records of one width whose cells look like values.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

from common.learning.csv_encoding import find_encoding
from common.learning.csv_lines import squeezed
from common.learning.csv_options import DELIMITERS, MISSING_WORDS, ODD_DELIMITERS, Dialect, Told
from common.learning.csv_records import reader_options
from common.learning.malformed import shown

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

_SHOWN = 5
_CLOCK = re.compile(r"\d{1,2}(:\d{2}){1,2}(\.\d+)?")
_LEAST_VALUES = 0.25
"""Of cells between blanks: with fewer values among them they are words of sentences."""

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
    skip, sample = _announced(sample)
    if skip and told.delimiter is None:
        told = replace(told, delimiter=skip)
    quotes = ['"', "'"] if told.quote is None else [told.quote]
    delimiters = DELIMITERS if told.delimiter is None else (told.delimiter,)
    choices = [
        (delimiter, quote, _parse(sample, delimiter, quote, whole)) for quote in quotes for delimiter in delimiters
    ]
    delimiter, quote, rows = max(choices, key=lambda choice: _score(choice[2], choice[1], missing))
    if told.delimiter is None and max(map(len, rows), default=0) == 1:
        delimiter, quote, rows = _odd(sample, quotes, whole, missing) or (delimiter, quote, rows)
    if delimiter == " ":
        notes.append("columns are divided by runs of blanks")
    if told.quote is None and quote == "'" and not _is_quoted_by(rows, sample, "'"):
        quote = '"'
        rows = _parse(sample, delimiter, quote, whole)
    decimal = told.decimal or _decimal(rows, delimiter)
    if decimal == "," and told.decimal is None:
        notes.append("numbers are read with a decimal comma" + _thousands(rows))
    header = told.header
    if header is None:
        header = _has_header(rows, missing)
        notes += _about_header(rows, header)
    return Dialect(delimiter, encoding, header, quote, decimal, missing, skip=int(bool(skip))), notes


def _announced(sample: str) -> tuple[str, str]:
    """The delimiter that a first line `sep=;` names, as spreadsheets write it, and what comes behind that line."""
    found = re.match(r"\ufeff?sep=(.)(\r\n|\r|\n)", sample)
    return (found[1], sample[found.end() :]) if found else ("", sample)


def _odd(sample: str, quotes: list[str], whole: bool, missing: Sequence[str]) -> tuple[str, str, _Rows] | None:
    """A less usual delimiter, if it divides every line into as many cells, and lines are no values as they stand."""
    lines = [line.strip() for line in _lines(sample) if line.strip()][:_SAMPLE_RECORDS]
    if len(lines) < 2 or all(_VALUE.fullmatch(line) or _CLOCK.fullmatch(line) for line in lines[1:]):
        return None
    for delimiter in ODD_DELIMITERS:
        for quote in quotes:
            rows = _parse(sample, delimiter, quote, whole)
            share, values, width, _ = _score(rows, quote, missing)
            if share == 1 and width > 1 and (delimiter != " " or values >= _LEAST_VALUES):
                return delimiter, quote, rows
    return None


def _parse(sample: str, delimiter: str, quote: str, whole: bool) -> _Rows:
    reader = csv.reader(
        _lines(squeezed(sample, quote) if delimiter == " " else sample), **reader_options(delimiter, quote)
    )
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


def _counts(row: Sequence[str]) -> bool:
    """Whether a record has numbers that count from left to right, and else words only: years, or 0 or 1 and so on."""
    numbers = [int(cell) for cell in row if cell.isascii() and cell.isdigit() and len(cell) <= 4]
    if any(_VALUE.fullmatch(cell) for cell in row if not (cell.isascii() and cell.isdigit() and len(cell) <= 4)):
        return False
    if len(numbers) < 2 or any(after - before != 1 for before, after in pairwise(numbers)):
        return False
    years = min(numbers) >= 1500 and max(numbers) <= 2200
    return years or (numbers[0] in (0, 1) and len(numbers) > 2)


def _about_header(rows: _Rows, header: bool) -> list[str]:
    first = rows[0] if rows else []
    if header and _counts(first):
        named = ", ".join(shown(cell) for cell in first[:_SHOWN] if cell) + (", …" if len(first) > _SHOWN else "")
        return [f"the first line is read as names of columns: {named}; tell that there is no header if it is data"]
    if not header:
        return ["the first line is read as data; tell that there is a header if it names the columns"]
    return []


def _thousands(rows: _Rows) -> str:
    """What to say of commas that could divide thousands too: three digits behind each."""
    cells = [cell for row in rows for cell in row if _COMMA_NUMBER.fullmatch(cell)]
    if not all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in cells):
        return ""
    return f"; if the comma of {cells[0]} divides thousands, tell the decimal mark . instead"


def _has_header(rows: _Rows, missing: Sequence[str]) -> bool:
    """Whether the first record names the columns.

    It does if it has words only, and these are no values of their columns: a column below is of another kind, or no
    word of it comes again in its column.
    """
    if not rows:
        return True
    first, rest = rows[0], rows[1:]
    words = [cell for cell in first if cell]
    if _counts(first) and rest and not _counts(rest[0]):
        return True
    if not words or any(_VALUE.fullmatch(cell) or cell in missing for cell in words):
        return False
    columns = [[row[index] for row in rest if index < len(row)] for index in range(len(first))]
    columns = [[cell for cell in column if cell and cell not in missing] for column in columns]
    if any(column and all(_VALUE.fullmatch(cell) for cell in column) for column in columns):
        return True
    return not any(name and name in column for name, column in zip(first, columns, strict=True))
