"""The cleaned texts of a table on disk between the two passes of reading, as an Arrow file that is mapped, not loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa


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
    """The blocks that were written, by block or by column."""

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path))
        self._reader = pa.ipc.open_file(self._map)
        self.count: int = self._reader.num_record_batches

    def blocks(self) -> Iterator[TextBlock]:
        """The blocks in order."""
        for number in range(self.count):
            *columns, lines = self._reader.get_batch(number).columns
            yield TextBlock(columns, lines)

    def columns(self, positions: Sequence[int]) -> Iterator[tuple[int, pa.ChunkedArray]]:
        """Some whole columns, each with its position."""
        batches = [self._reader.get_batch(number) for number in range(self.count)]
        for position in positions:
            yield position, pa.chunked_array([batch.column(position) for batch in batches], pa.string())

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
