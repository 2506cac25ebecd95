"""The texts between the two passes: by column without reading the file once a column."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from common.learning import text_spool
from common.learning.text_spool import Spool, SpoolWriter, TextBlock


def test_neighbours_of_a_column_are_read_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(tmp_path)
    for block in range(2):
        columns = [pa.array([f"{block} {number}", None]) for number in range(300)]
        writer.write(TextBlock(columns, pa.array([1, 2], pa.int64())))
    writer.close()
    spool = Spool(tmp_path)
    reads: list[int] = []
    reading = spool._read
    monkeypatch.setattr(spool, "_read", lambda some: reads.append(some[0]) or reading(some))
    for number in (0, 1, 299, 150):
        assert spool.column(number).to_pylist() == [f"0 {number}", None, f"1 {number}", None]
    assert reads == [0]
    monkeypatch.setattr(text_spool, "_WINDOW", 1)  # of large columns each is read alone
    spool._window = (0, [])
    assert spool.column(299)[2].as_py() == "1 299"
    assert spool.column(0)[0].as_py() == "0 0"
    assert reads == [0, 299, 0]
