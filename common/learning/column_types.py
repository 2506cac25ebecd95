"""The type of a column, from the texts in it: the narrowest one that every cell fits.

boolean   true false yes no, in any case           integer   64 bits, no leading zeros      number   64-bit, finite
datetime  ISO 8601                                 category  few distinct texts             text     the rest
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from common.contracts.datasets import ColumnType
from common.learning import cells
from common.learning.tally import Chunks, Tally

_DISTINCT_VALUES = 50
_DISTINCT_SHARE = 0.5
_LONG_CELL = 200


class Evidence:
    """What the blocks of one column, observed in order, allow it to be."""

    def __init__(self, decimal: str, *, stated_text: bool = False) -> None:
        """`stated_text`: the file itself says that the cells are texts; then they are no numbers."""
        self._decimal = decimal
        self.stated_text = stated_text
        numeric = {ColumnType.boolean, ColumnType.integer, ColumnType.number}
        self._allowed = {ColumnType.datetime} if stated_text else {ColumnType.datetime} | numeric
        self._numeric = not stated_text  # every cell is written as a number, also if 64 bits do not hold it
        self._digits = not stated_text  # every cell is written as an integer, of whatever size
        self._leading_zeros = False
        self._negative_zeros = False  # as integers they would lose the sign that they have as numbers
        self.values = 0
        self.out_of_range: tuple[int, str] | None = None
        """Line and text of the first cell written as a number that 64 bits do not hold."""

    def observe(
        self, texts: pa.StringArray, lines: pa.Int64Array, numbers: pa.DoubleArray | None = None
    ) -> pa.Array | None:
        """Take a block of cleaned cells into account; `numbers` are their values where all are known to be some.

        Gives the values of the block, stored as the narrowest type that all cells so far fit; None of texts, and where
        the values do not tell the texts.
        """
        present = len(texts) - texts.null_count
        if present == 0:
            return None
        self.values += present
        first = texts[pc.index(texts.is_valid(), True).as_py() if texts.null_count else 0].as_py()
        if self._numeric and not cells.could_be(first, ColumnType.number, self._decimal):
            self._numeric = self._digits = False
            self._allowed -= {ColumnType.integer, ColumnType.number}
        found = self._observe_numbers(texts, lines, numbers) if self._numeric else None
        for kind in (ColumnType.boolean, ColumnType.datetime):
            if kind not in self._allowed:
                continue
            values = cells.convert(texts, kind) if cells.could_be(first, kind) else None
            if values is not None and cells.fits(texts, values):
                found = values
            else:
                self._allowed.discard(kind)
        return None if self.codes else found

    @property
    def numeric_so_far(self) -> bool:
        """Whether every cell was written as a number until now."""
        return self._numeric

    @property
    def codes(self) -> bool:
        """Whether the column is digits with leading zeros, such as postal codes: no numbers, these would lose them."""
        return self._digits and self._leading_zeros

    @property
    def numeric(self) -> bool:
        """Whether the cells are meant as numbers, also where 64 bits do not hold one."""
        return self._numeric and self.values > 0 and not self.codes

    def kind(self) -> ColumnType | None:
        """The type, if it is not one of texts; which of these, `text_kind` tells. No value at all: number."""
        if self.values == 0:
            return ColumnType.number
        if self.codes:
            return None
        order = (ColumnType.boolean, ColumnType.integer, ColumnType.number, ColumnType.datetime)
        return next((kind for kind in order if kind in self._allowed), None)

    def _observe_numbers(
        self, texts: pa.StringArray, lines: pa.Int64Array, values: pa.DoubleArray | None
    ) -> pa.Array | None:
        found = None
        if ColumnType.integer in self._allowed:
            integers = cells.integers(texts, values)
            if cells.fits(texts, integers):
                self._negative_zeros = self._negative_zeros or cells.negative_zero(texts)
                found = None if self._negative_zeros else integers
            else:
                self._allowed.discard(ColumnType.integer)
        if self._digits:
            self._digits = ColumnType.integer in self._allowed or cells.all_digits(texts)
            self._leading_zeros = self._leading_zeros or (self._digits and cells.leading_zero(texts))
        if ColumnType.integer not in self._allowed:
            if values is None:
                values = cells.convert(texts, ColumnType.number, self._decimal)
            fit = cells.fits(texts, values)
            found = values if fit else None
            if not fit or cells.might_lie_outside(values):
                self._observe_range(texts, lines)
            if not fit:
                self._allowed.discard(ColumnType.number)
                self._numeric = self._numeric and self._is_written_as_numbers(texts)
        if self._numeric:
            self._allowed -= {ColumnType.boolean, ColumnType.datetime}
        return found

    def _observe_range(self, texts: pa.StringArray, lines: pa.Int64Array) -> None:
        index = cells.out_of_range(texts, self._decimal)
        if index is not None and self.out_of_range is None:
            self.out_of_range = (lines[index].as_py(), texts[index].as_py())

    def _is_written_as_numbers(self, texts: pa.StringArray) -> bool:
        return bool(pc.all(cells.is_written_as_number(texts, self._decimal)).as_py())


def text_kind(chunks: Chunks, rows: int) -> ColumnType:
    """Whether a column of texts with so many rows holds categories or free text.

    Text: more than half of its values are distinct and these are more than 50, or some cell is longer than 200
    characters.
    """
    tally = Tally(chunks, rows)
    if tally.longest > _LONG_CELL:
        return ColumnType.text
    many = tally.distinct > _DISTINCT_VALUES and tally.distinct > _DISTINCT_SHARE * (rows - tally.missing)
    return ColumnType.text if many else ColumnType.category
