"""What is wrong with a record that a strict reader refuses, and in which column."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from common import errors
from common.learning.csv_options import DELIMITERS, Dialect, Limits
from common.learning.malformed import bad_data, shown


def ragged(line: int, row: Sequence[str], names: Sequence[str], dialect: Dialect) -> errors.BadData:
    """A record with more or fewer cells than there are columns; `dialect` if another delimiter explains it."""
    width, found = len(names), len(row)
    if found == 1:
        for other in DELIMITERS:
            if other != dialect.delimiter and row[0].count(other) == width - 1:
                what = f"the delimiter is {other!r} here and {dialect.delimiter!r} before"
                return bad_data("dialect", what, line=line, column=1)
    what = f"{found} cells where there are {width} columns"
    if found > width:
        return bad_data("ragged", f"{what}; cell {width + 1} is {shown(row[width])!r}", line=line, column=width + 1)
    return bad_data("ragged", f"{what}; the row ends too early", line=line, column=found + 1, name=names[found])


def unreadable(
    error: csv.Error, line: int, first: str, several: bool, dialect: Dialect, limits: Limits
) -> errors.BadData:
    """A record that the csv module cannot read; `first` is its first line, `several` whether it went beyond that."""
    reason = str(error)
    if "field larger" in reason and not several:
        cells = first.split(dialect.delimiter)
        column = 1 + max(range(len(cells)), key=lambda index: len(cells[index]))
        return bad_data("limit", f"a cell of more than {limits.cell} characters", line=line, column=column)
    if "expected after" in reason:
        what = f"text after the closing quote {dialect.quote}; inside a quoted cell a quote is written twice"
    else:  # to the end of the file, or on and on over lines until the cell was too large
        what = f"the quote {dialect.quote} opened here is never closed"
    return bad_data("quote", what, line=line, column=_badly_quoted(first, dialect.delimiter, dialect.quote))


def _badly_quoted(text: str, delimiter: str, quote: str) -> int:
    """The column, from 1, of the first cell in a line that is not quoted well."""
    column, position = 1, 0
    while True:
        while text[position : position + 1] == " ":
            position += 1
        if text.startswith(quote, position):
            position = _closing_quote(text, position + 1, quote) + 1
            if position == 0 or text[position : position + 1] not in (delimiter, "\r", "\n", ""):
                return column
        following = text.find(delimiter, position)
        if following < 0:
            return column
        column, position = column + 1, following + 1


def _closing_quote(text: str, position: int, quote: str) -> int:
    """Where the quote is that is not one of two; -1 if it is not in the text."""
    while (end := text.find(quote, position)) >= 0 and text.startswith(quote, end + 1):
        position = end + 2
    return end
