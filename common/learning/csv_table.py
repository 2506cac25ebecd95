"""From a CSV file to a stored table, in two passes of bounded memory.

file ── strict records ── texts (cleaned, spooled) ── evidence ── column types ── values ── Parquet
"""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from common.contracts.datasets import ColumnType, ReadOptions
from common.learning import cells
from common.learning.column_types import Evidence, text_kind
from common.learning.csv_dialect import find_dialect
from common.learning.csv_options import Dialect, Limits, Told
from common.learning.csv_records import Records
from common.learning.malformed import bad_data, check_names, shown
from common.learning.table import Kinds, TableWriter
from common.learning.text_spool import Spool, SpoolWriter, TextBlock

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
        tempfile.TemporaryDirectory(dir=target.parent, prefix="texts-") as folder,
        source.open("rb") as binary,
        io.TextIOWrapper(binary, encoding=dialect.encoding, newline="") as text,
    ):
        records = Records(text, dialect, limits)
        check_names(types, records.names, "/types")
        reading = _Reading(records.names, dialect, types)
        size = max(1, source.stat().st_size)
        reading.spool(records, Path(folder) / "texts", lambda: progress("reading", binary.tell() / size))
        spool = Spool(Path(folder) / "texts")
        kinds = reading.kinds(spool)
        with TableWriter(target, kinds) as writer:
            for number, block in enumerate(spool.blocks(), 1):
                writer.write(reading.values(block, kinds))
                progress("storing", number / spool.count)
    notes += [*records.notes, *reading.notes(kinds)]
    return ReadTable(writer.digest, writer.rows, kinds, dialect.shown(), notes)


class _Reading:
    """What is known of the columns of one file while it is read."""

    def __init__(self, names: Sequence[str], dialect: Dialect, types: Mapping[str, ColumnType]) -> None:
        self._names = names
        self._decimal = dialect.decimal
        self._types = types
        self._missing = cells.word_array(dialect.missing)
        self._evidence = [Evidence(dialect.decimal) for _ in names]
        self._words: Counter[str] = Counter()
        # A short cut that is none if commas are to be points, or -999 means missing.
        self._plain_numbers = dialect.decimal == "." and cells.none_is_number(self._missing)

    def spool(self, records: Records, path: Path, progress: Callable[[], None]) -> None:
        """First pass: every cell cleaned to disk, every column observed."""
        with closing(SpoolWriter(path, len(self._names))) as writer:
            for block in records.blocks():
                columns = list(map(self._observed, self._names, self._evidence, block.columns, repeat(block.lines)))
                writer.write(TextBlock(columns, block.lines))
                progress()

    def kinds(self, spool: Spool) -> Kinds:
        """The type of each column: as told, else as found."""
        found = {
            name: self._types.get(name) or self._found(position, evidence)
            for position, (name, evidence) in enumerate(zip(self._names, self._evidence, strict=True))
        }
        return {name: kind or text_kind(spool.column(position)) for position, (name, kind) in enumerate(found.items())}

    def values(self, block: TextBlock, kinds: Kinds) -> list[pa.Array]:
        """Second pass: the texts of a block as values of the column types."""
        converted = []
        for position, (name, texts) in enumerate(zip(self._names, block.columns, strict=True), 1):
            values = cells.convert(texts, kinds[name], self._decimal)
            index = cells.first_unfit(texts, values)
            if index is not None:
                line, text = block.lines[index].as_py(), texts[index].as_py()
                written = cells.is_written_as_number(texts.slice(index, 1), self._decimal)[0].as_py()
                numeric = kinds[name] in (ColumnType.number, ColumnType.integer)
                code = "number" if numeric and written else "type"
                raise bad_data(code, f"{shown(text)!r} is not {kinds[name]}", line=line, column=position, name=name)
            converted.append(values)
        return converted

    def notes(self, kinds: Kinds) -> list[str]:
        """Remarks on what a person might not expect."""
        remarks = []
        if self._words:
            counted = ", ".join(f"{shown(word)} ({count})" for word, count in sorted(self._words.items()))
            remarks.append(f"read as missing: {counted}")
        for name, evidence in zip(self._names, self._evidence, strict=True):
            if evidence.codes and name not in self._types:
                remarks.append(f"column {shown(name)} has numbers with leading zeros and is kept as {kinds[name]}")
            if evidence.values == 0 and name not in self._types:
                remarks.append(f"column {shown(name)} has no value in any row")
        return remarks

    def _observed(self, name: str, evidence: Evidence, written: pa.StringArray, lines: pa.Int64Array) -> pa.StringArray:
        """The cells of one column in a block, cleaned and taken into account."""
        if self._plain_numbers and evidence.numeric_so_far and name not in self._types:
            numbers = cells.plain_numbers(written)
            if numbers is not None:  # then there was nothing to clean
                evidence.observe(written, lines, numbers)
                return written
        texts, words = cells.without_words(cells.clean(written), self._missing)
        self._words.update(words)
        if name not in self._types:
            evidence.observe(texts, lines)
        return texts

    def _found(self, position: int, evidence: Evidence) -> ColumnType | None:
        if evidence.numeric and evidence.out_of_range is not None:
            line, text = evidence.out_of_range
            what = (
                f"{shown(text)!r} is beyond what a 64-bit integer or a finite 64-bit number can hold; "
                "tell the type text if the column is no number"
            )
            raise bad_data("number", what, line=line, column=position + 1, name=self._names[position])
        return evidence.kind()
