"""From blocks of texts to a stored table, in two passes of bounded memory.

texts (cleaned, spooled) ── evidence ── column types ── values (and what derives from them) ── Parquet
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from common.contracts.datasets import ColumnType
from common.learning import cells, suspects
from common.learning.column_types import Evidence, text_kind
from common.learning.malformed import bad_data, shown
from common.learning.moments import Derived, written_with_times
from common.learning.notations import WRITTEN_OTHERWISE, Notation, likely, notation, notation_for
from common.learning.read_table import Progress
from common.learning.table import Kinds, TableWriter
from common.learning.text_spool import Spool, SpoolWriter, TextBlock

_HELD = {
    kind: {stored, pa.int64()} if kind is ColumnType.number else {stored} for kind, stored in cells.ARROW_TYPES.items()
}
"""In what other form than texts the cells of a column of this type may be spooled."""


class Refuted(Exception):
    """A column that looked like values in every block that was seen turned out to be texts."""


def store(
    blocks: Callable[[], Iterable[TextBlock]], target: Path, reading: Callable[..., Reading], progress: Progress
) -> tuple[str, int, Kinds, list[str]]:
    """Store the table of these blocks at `target`; its digest, rows, column types, and remarks for people.

    `blocks` gives them from the beginning each time, `reading` a new `Reading` of them.
    """
    try:
        return _stored(blocks(), target, reading(), progress)
    except Refuted:
        return _stored(blocks(), target, reading(as_texts=True), progress)


def _stored(
    blocks: Iterable[TextBlock], target: Path, reading: Reading, progress: Progress
) -> tuple[str, int, Kinds, list[str]]:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="texts-") as folder:
        reading.spool(blocks, Path(folder))
        spool = Spool(Path(folder))
        kinds = reading.kinds(spool)
        spool.forget()
        pa.default_memory_pool().release_unused()
        derived = Derived(kinds, reading.timed)
        with TableWriter(target, derived.kinds) as writer:
            for number, block in enumerate(spool.blocks(), 1):
                writer.write(derived.extended(reading.values(block, kinds)))
                progress("storing", number / spool.count)
    return writer.digest, writer.rows, derived.kinds, [*reading.notes(kinds), *derived.notes]


class Reading:
    """What is known of the columns of one file while it is read."""

    def __init__(
        self,
        names: Sequence[str],
        decimal: str,
        missing: Sequence[str],
        types: Mapping[str, ColumnType],
        *,
        texts: Collection[str] = (),
        as_texts: bool = False,
    ) -> None:
        """`texts` are the columns that the file itself states to be texts.

        Cells whose values are sure so far are spooled as these, not to be converted twice; `as_texts`: none are, after
        `Refuted`.
        """
        self._names = names
        self._decimal = decimal
        self._types = types
        self._missing = cells.word_array(missing)
        self._evidence = [Evidence(decimal, stated_text=name in texts) for name in names]
        self._as_texts = as_texts
        self._held = [pa.string()] * len(names)
        self._rows = 0
        self._words: Counter[str] = Counter()
        self._suspects: list[str] = []
        self._notations: dict[str, Notation] = {}
        self.timed: set[str] = set()
        """Columns in which some cell has a time of day."""
        # A short cut that is none if commas are to be points, or -999 means missing.
        self._plain_numbers = decimal == "." and cells.none_is_number(self._missing)

    def spool(self, blocks: Iterable[TextBlock], folder: Path) -> None:
        """First pass: every cell cleaned to disk, every column observed."""
        with closing(SpoolWriter(folder)) as writer:
            for block in blocks:
                columns = list(map(self._observed, range(len(self._names)), block.columns, repeat(block.lines)))
                writer.write(TextBlock(columns, block.lines))
                self._rows += len(block.lines)

    def kinds(self, spool: Spool) -> Kinds:
        """The type of each column: as told, else as found. Raises `Refuted`."""
        found: Kinds = {}
        for position, (name, evidence) in enumerate(zip(self._names, self._evidence, strict=True)):
            kind = self._types.get(name) or self._found(position, evidence)
            held = spool.held[position] - {pa.string()}
            if held and (kind is None or not held <= _HELD[kind]):
                raise Refuted(name)
            if kind is None:
                kind = self._text(name, evidence, spool, position)
            elif name in self._types and kind in WRITTEN_OTHERWISE and likely(spool.head(position, suspects.SAMPLE)):
                self._written(name, kind, spool.column(position))
            if kind is ColumnType.datetime and not held and any(map(written_with_times, spool.chunks(position))):
                self.timed.add(name)
            found[name] = kind
        return found

    def values(self, block: TextBlock, kinds: Kinds) -> list[pa.Array]:
        """Second pass: a block as values of the column types."""
        converted = []
        for position, (name, texts) in enumerate(zip(self._names, block.columns, strict=True), 1):
            if not pa.types.is_string(texts.type):
                # Of integers among numbers: rounded to the next double, as their texts are.
                converted.append(texts.cast(cells.ARROW_TYPES[kinds[name]], safe=False))
                continue
            written = self._notations.get(name)
            values = cells.convert(written.plain(texts) if written else texts, kinds[name], self._decimal)
            index = cells.first_unfit(texts, values)
            if index is not None:
                line, text = block.lines[index].as_py(), texts[index].as_py()
                as_number = cells.is_written_as_number(texts.slice(index, 1), self._decimal)[0].as_py()
                numeric = kinds[name] in (ColumnType.number, ColumnType.integer)
                code = "number" if numeric and as_number else "type"
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
        return [*remarks, *self._suspects]

    def _text(self, name: str, evidence: Evidence, spool: Spool, position: int) -> ColumnType:
        """The type of a column whose texts are no values as they stand: another notation of some, or texts."""
        kind = text_kind(lambda: spool.chunks(position), self._rows)
        if evidence.codes:
            return kind
        head = spool.head(position, suspects.SAMPLE)  # the whole of a column may be large: only if it is worth a look
        found, remark = None, None
        if likely(head):
            found, remark = notation(spool.column(position), self._decimal, numbers=not evidence.stated_text)
        if found is not None:
            self._notations[name] = found
            self._suspects.append(f"column {shown(name)} is read as {found.says}")
            return found.kind
        if remark is not None:
            self._suspects.append(f"column {shown(name)} is {kind.value}: it has {remark}")
        elif not evidence.stated_text and suspects.mostly_numbers(head, self._decimal):
            self._suspects += suspects.words_among_numbers(name, spool.column(position), kind, self._decimal)
        return kind

    def _written(self, name: str, kind: ColumnType, column: pa.ChunkedArray) -> None:
        """See to the notation of a column whose type was told."""
        found = notation_for(column, kind, self._decimal)
        if found is not None:
            self._notations[name] = found

    def _observed(self, position: int, written: pa.StringArray, lines: pa.Int64Array) -> pa.Array:
        """The cells of one column in a block, cleaned and taken into account; as values where these are sure so far."""
        name, evidence = self._names[position], self._evidence[position]
        texts, numbers = written, None
        if self._plain_numbers and evidence.numeric_so_far and name not in self._types:
            numbers = cells.plain_numbers(written)
        if numbers is None:  # else there is nothing to clean
            texts, words = cells.without_words(cells.clean(written), self._missing)
            self._words.update(words)
        values = None if name in self._types else evidence.observe(texts, lines, numbers)
        if len(texts) == texts.null_count:
            return pa.nulls(len(texts), self._held[position])
        if values is None or self._as_texts:
            values = texts
        elif pa.types.is_timestamp(values.type) and name not in self.timed and written_with_times(texts):
            self.timed.add(name)
        self._held[position] = values.type
        return values

    def _found(self, position: int, evidence: Evidence) -> ColumnType | None:
        if evidence.numeric and evidence.out_of_range is not None:
            line, text = evidence.out_of_range
            what = (
                f"{shown(text)!r} is beyond what a 64-bit integer or a finite 64-bit number can hold; "
                "tell the type text if the column is no number"
            )
            raise bad_data("number", what, line=line, column=position + 1, name=self._names[position])
        return evidence.kind()
