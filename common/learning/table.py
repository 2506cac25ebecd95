"""A table as it is stored: Parquet (zstd) whose fields carry the column types, and a digest of its content.

    number float64 · integer int64 · boolean bool · datetime timestamp[ms, UTC]
    category and text string · missing null

`pandas.read_parquet` reads the same file; the column types are field metadata that it passes over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common import errors
from common.contracts.datasets import ColumnType
from common.learning.cells import ARROW_TYPES

_KIND = b"autolearn.type"
_BATCH_ROWS = 1 << 16
_CELLS = 1 << 20
_GROUP_BYTES = 1 << 24

Kinds = dict[str, ColumnType]
"""Column types by name, in the order of the columns."""
Chunks = Callable[[], Iterable[pa.Array]]
"""The values of a column in chunks, from the first one each time."""


class TableWriter:
    """Writes a table block by block, the digest on the way, and gathers small blocks to row groups worth reading."""

    def __init__(self, path: Path, kinds: Kinds) -> None:
        self._schema = pa.schema(
            [pa.field(name, ARROW_TYPES[kind], metadata={_KIND: kind.value.encode()}) for name, kind in kinds.items()]
        )
        self._digest = Digest(kinds)
        repetitive = [name for name, kind in kinds.items() if pa.types.is_string(ARROW_TYPES[kind])]
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=repetitive)
        self._waiting: list[pa.RecordBatch] = []
        self._size = 0
        self.rows = 0

    def write(self, columns: Sequence[pa.Array]) -> None:
        """Append rows, given as one array a column, of the stored types."""
        batch = pa.RecordBatch.from_arrays(list(columns), schema=self._schema)
        self._digest.update(batch)
        self._waiting.append(batch)
        self._size += batch.nbytes
        self.rows += batch.num_rows
        if self._size >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._size = [], 0

    @property
    def digest(self) -> str:
        """The digest of what was written so far."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._flush()
        self._writer.close()


class Digest:
    """SHA-256 over names, types and values of a table, the same however it is cut into blocks, files or row groups.

    Each column has two hashes, both over little-endian bytes: one of the lengths (texts; -1 where missing) or of the
    validity (1 or 0), one of the values (UTF-8; zero where missing). The digest is that of the JSON list of
    `[name, type, hash of lengths, hash of values]`.
    """

    def __init__(self, kinds: Kinds) -> None:
        self._columns = [(name, kind, hashlib.sha256(), hashlib.sha256()) for name, kind in kinds.items()]

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the values of a block."""
        for (_, _, lengths, values), column in zip(self._columns, batch.columns, strict=True):
            if pa.types.is_string(column.type):
                sizes = pc.fill_null(pc.binary_length(column), -1)
                lengths.update(_bytes(sizes))
                values.update(text_bytes(column))
            else:
                lengths.update(_bytes(column.is_valid().cast(pa.uint8())))
                values.update(_bytes(_fixed(column)))

    def hexdigest(self) -> str:
        """The digest of all blocks so far, 64 hexadecimal digits."""
        parts = [[name, kind.value, one.hexdigest(), two.hexdigest()] for name, kind, one, two in self._columns]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


class StoredTable:
    """A stored table, to be read by column or by block."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self.schema: pa.Schema = self._file.schema_arrow
        self.kinds: Kinds = {field.name: _kind(field) for field in self.schema}
        self.rows: int = self._file.metadata.num_rows
        self._positions = {name: position for position, name in enumerate(self.kinds)}

    def column(self, name: str) -> pa.ChunkedArray:
        """All values of one column."""
        return pa.chunked_array([*self.chunks(name)], type=ARROW_TYPES[self.kinds[name]])

    def chunks(self, name: str) -> Iterator[pa.Array]:
        """The values of one column, a part of them in memory at a time."""
        # By position: in a projection of Parquet a dot in a name would mean a nested field.
        position = self._positions[name]
        for group in range(self._file.num_row_groups):
            yield from self._file.reader.read_row_group(group, column_indices=[position]).column(0).chunks

    def columns(self) -> Iterator[tuple[str, Chunks]]:
        """Each column with how to get the chunks of its values: of a short table many columns are read at once."""
        names = list(self.kinds)
        size = max(1, _CELLS // max(1, self.rows))
        for start in range(0, len(names), size):
            positions = list(range(start, min(len(names), start + size)))
            if len(positions) == 1:
                yield names[start], partial(self.chunks, names[start])
                continue
            groups = [
                self._file.reader.read_row_group(group, column_indices=positions)
                for group in range(self._file.num_row_groups)
            ]
            read = pa.concat_tables(groups) if groups else self.schema.empty_table().select(positions)
            for name, column in zip(names[start : start + size], read.columns, strict=True):
                yield name, partial(_chunks, column)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order, in blocks as bounded in memory as those that were written."""
        for group in range(self._file.num_row_groups):
            yield from self._file.read_row_group(group, use_threads=False).to_batches(max_chunksize=_BATCH_ROWS)

    def head(self, rows: int) -> pa.RecordBatch | None:
        """The first rows; None of a table without rows."""
        return next(self._file.iter_batches(batch_size=rows), None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _chunks(column: pa.ChunkedArray) -> list[pa.Array]:
    chunks: list[pa.Array] = column.chunks
    return chunks


def _kind(field: pa.Field) -> ColumnType:
    stored = (field.metadata or {}).get(_KIND, b"").decode()
    kind = next((kind for kind, arrow in ARROW_TYPES.items() if kind == stored and arrow == field.type), None)
    if kind is None:
        raise errors.IntegrityError(
            f"the stored column {field.name!r} ({field.type}, {stored!r}) is not as it was written"
        )
    return kind


def _fixed(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return pc.fill_null(column, 0) if column.null_count else column


def _bytes(column: pa.Array) -> memoryview:
    return memoryview(column.to_numpy(zero_copy_only=False)).cast("B") if len(column) else memoryview(b"")


def text_bytes(column: pa.StringArray) -> memoryview:
    """All texts of an array, one after the other in UTF-8, without a copy if none is missing."""
    filled = pc.fill_null(column, "") if column.null_count else column
    _, offsets, data = filled.buffers()
    if data is None or offsets is None or not len(filled):
        return memoryview(b"")
    bounds = memoryview(offsets).cast("i")
    return memoryview(data)[bounds[filled.offset] : bounds[filled.offset + len(filled)]]
