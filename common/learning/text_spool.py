"""The cleaned texts of a table on disk between the two passes of reading, as an Arrow file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

_WINDOW = 1 << 25
"""Bytes."""


class TextBlock(NamedTuple):
    """Some rows: one array of texts a column, null where missing, and the line on which each row begins."""

    columns: list[pa.StringArray]
    lines: pa.Int64Array


class SpoolWriter:
    """Takes blocks of texts, in order."""

    def __init__(self, path: Path, width: int) -> None:
        self._schema = pa.schema([(str(number), pa.string()) for number in range(width)] + [("line", pa.int64())])
        self._writer = pa.ipc.new_file(path, self._schema)

    def write(self, block: TextBlock) -> None:
        """Append a block."""
        self._writer.write_batch(pa.RecordBatch.from_arrays([*block.columns, block.lines], schema=self._schema))

    def close(self) -> None:
        """End the file; only then can it be read."""
        self._writer.close()


class Spool:
    """The blocks that were written, by block or by column; in memory is only what was asked for."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._size = path.stat().st_size
        self._window: tuple[int, list[pa.ChunkedArray]] = (0, [])
        with pa.OSFile(self._path) as source:
            self.count: int = pa.ipc.open_file(source).num_record_batches

    def blocks(self) -> Iterator[TextBlock]:
        """The blocks in order."""
        with pa.OSFile(self._path) as source:
            reader = pa.ipc.open_file(source)
            for number in range(self.count):
                *columns, lines = reader.get_batch(number).columns
                yield TextBlock(columns, lines)

    def column(self, position: int) -> pa.ChunkedArray:
        """A whole column.

        Its neighbours come along, up to some megabytes: the file says of every batch where each of its columns is,
        which of a wide table is more to read than a column.
        """
        start, columns = self._window
        if not start <= position < start + len(columns):
            start, columns = self._window = position, self._read(position)
        return columns[position - start]

    def _read(self, position: int) -> list[pa.ChunkedArray]:
        with pa.OSFile(self._path) as source:
            width = len(pa.ipc.open_file(source).schema) - 1
            count = max(1, width * _WINDOW // max(1, self._size))
            fields = list(range(position, min(width, position + count)))
            reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=fields))
            table = pa.Table.from_batches([reader.get_batch(number) for number in range(self.count)])
            return list(table.columns)
