"""The cells of a table on disk between two passes of reading, as Arrow files: texts, or values where these are sure.

A column may be held in one way for some blocks and in another for those behind them: each change begins a new file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

_WINDOW = 1 << 25
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
        """A whole column that is held as texts.

        Its neighbours come along, up to some megabytes: the file says of every batch where each of its columns is,
        which of a wide table is more to read than a column.
        """
        start, columns = self._window
        if not start <= position < start + len(columns):
            start, columns = self._window = position, self._read(position)
        return pa.chunked_array(columns[position - start], pa.string())

    def _read(self, position: int) -> list[list[pa.Array]]:
        width = len(self.held)
        count = max(1, width * _WINDOW // max(1, self._size))
        fields = list(range(position, min(width, position + count)))
        found: list[list[pa.Array]] = [[] for _ in fields]
        for name in self._files:
            with pa.OSFile(name) as source:
                reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=fields))
                for number in range(reader.num_record_batches):
                    _append(found, reader.get_batch(number).columns)
        return found


def _append(columns: Sequence[list[pa.Array]], more: Sequence[pa.Array]) -> None:
    for column, array in zip(columns, more, strict=True):
        column.append(array)
