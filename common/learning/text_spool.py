"""The cells of a table on disk between two passes of reading, as Arrow files: texts, or values where these are sure.

A column may be held in one way for some blocks and in another for those behind them: each change begins a new file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

_WINDOW = 1 << 23
"""Bytes."""


class TextBlock(NamedTuple):
    """Some rows: one array of texts (or values) a column, null where missing, and the line on which each row begins."""

    columns: list[pa.Array]
    lines: pa.Int64Array


class SpoolWriter:
    """Takes blocks in order; `folder` gets a file for each way in which the columns are held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._schema: pa.Schema | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._count = 0

    def write(self, block: TextBlock) -> None:
        """Append a block."""
        arrays = [*block.columns, block.lines]
        schema = pa.schema([(str(number), array.type) for number, array in enumerate(arrays)])
        if schema != self._schema:
            self.close()
            self._schema = schema
            self._writer = pa.ipc.new_file(self._folder / f"{self._count:08d}", schema)
            self._count += 1
        assert self._writer is not None
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

    def close(self) -> None:
        """End the file; only then can it be read."""
        if self._writer is not None:
            self._writer.close()


class Spool:
    """The blocks that were written, by block or by column; in memory is only what was asked for."""

    def __init__(self, folder: Path) -> None:
        self._files = [str(path) for path in sorted(folder.iterdir())]
        self._size = sum(Path(one).stat().st_size for one in self._files)
        self._window: tuple[int, list[list[pa.Array]]] = (0, [])
        self.count = 0
        self.held: list[set[pa.DataType]] = []
        """The types in which each column is held."""
        for name in self._files:
            with pa.OSFile(name) as source:
                file = pa.ipc.open_file(source)
                self.count += file.num_record_batches
                types = file.schema.types[:-1]
            self.held = self.held or [set() for _ in types]
            for one, kind in zip(self.held, types, strict=True):
                one.add(kind)

    def blocks(self) -> Iterator[TextBlock]:
        """The blocks in order."""
        for name in self._files:
            with pa.OSFile(name) as source:
                reader = pa.ipc.open_file(source)
                for number in range(reader.num_record_batches):
                    *columns, lines = reader.get_batch(number).columns
                    yield TextBlock(columns, lines)

    def column(self, position: int) -> pa.ChunkedArray:
        """A whole column that is held as texts."""
        return pa.chunked_array([*self.chunks(position)], pa.string())

    def head(self, position: int, rows: int) -> pa.ChunkedArray:
        """About so many of its first rows, or more."""
        found: list[pa.Array] = []
        for chunk in self.chunks(position):
            found.append(chunk)
            rows -= len(chunk)
            if rows <= 0:
                break
        return pa.chunked_array(found, pa.string())

    def chunks(self, position: int) -> Iterable[pa.StringArray]:
        """The texts of a column, block by block.

        Small neighbours come along, up to some megabytes: the file says of every batch where each of its columns is,
        which of a wide table is more to read than a column.
        """
        start, columns = self._window
        if start <= position < start + len(columns):
            return columns[position - start]
        width = len(self.held)
        count = min(width - position, width * _WINDOW // max(1, self._size))
        if count <= 1:
            return (found[0] for found in self._read([position]))
        columns = [[] for _ in range(count)]
        for found in self._read([*range(position, position + count)]):
            _append(columns, found)
        self._window = position, columns
        return columns[0]

    def forget(self) -> None:
        """Keep no column in memory."""
        self._window = (0, [])

    def _read(self, positions: list[int]) -> Iterator[list[pa.Array]]:
        """Some columns of each block."""
        for name in self._files:
            with pa.OSFile(name) as source:
                reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=positions))
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number).columns


def _append(columns: Sequence[list[pa.Array]], more: Sequence[pa.Array]) -> None:
    for column, array in zip(columns, more, strict=True):
        column.append(array)
