"""A stored table as a file for other programs: CSV, Parquet, or Arrow (IPC file)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from common import errors
from common.learning.preview import moment
from common.learning.table import StoredTable, text_bytes

Progress = Callable[[float], None]

# A spreadsheet would compute such a cell (OWASP, "CSV Injection"). A text that is just a number is harmless.
_FORMULA = r"^[=+\-@\t\r]"
_DIGITS = r"^-?[0-9]+$"
_SPECIAL = r'[",\r\n]'
_PLAIN_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def export(source: Path, target: Path, form: str, progress: Progress) -> None:
    """Write the stored table `source` as `csv`, `parquet` or `arrow`; another form is `errors.Invalid`."""
    writer = _WRITERS.get(form)
    if writer is None:
        known = tuple(_WRITERS)
        flaw = errors.Flaw("/format", "unknown_format", f"there is no format {form!r}", known)
        raise errors.Invalid(f"A table can be had as {', '.join(known)}.", flaws=[flaw])
    writer(source, target, progress)


def _to_parquet(source: Path, target: Path, progress: Progress) -> None:
    shutil.copyfile(source, target)
    progress(1.0)


def _to_arrow(source: Path, target: Path, progress: Progress) -> None:
    with StoredTable(source) as table, pa.ipc.new_file(target, table.schema) as writer:
        for batch in _told(table, progress):
            writer.write_batch(batch)


def _to_csv(source: Path, target: Path, progress: Progress) -> None:
    """RFC 4180 in UTF-8 with a header; missing cells are empty, moments RFC 3339, formulas disarmed by a `'`."""
    with StoredTable(source) as table, target.open("wb") as sink:
        # In a table of one column an empty cell would be an empty line, which is no row: there it is written "".
        missing = '""' if len(table.kinds) == 1 else ""
        header = _quoted(_disarmed(pa.array(list(table.kinds), pa.string())))
        sink.write(",".join(header.to_pylist()).encode() + b"\n")
        for batch in _told(table, progress):
            columns = [pc.fill_null(_csv_cells(column), missing) for column in batch.columns]
            lines = pc.binary_join_element_wise(*columns, ",")
            sink.write(text_bytes(pc.binary_join_element_wise(lines, "", "\n")))


def _csv_cells(column: pa.Array) -> pa.StringArray:
    if pa.types.is_string(column.type):
        return _quoted(_disarmed(column))
    if pa.types.is_timestamp(column.type):
        return pa.array([moment(value) for value in column.cast(pa.int64()).to_pylist()], pa.string())
    texts = column.cast(pa.string())
    if pa.types.is_floating(column.type):  # 1.0 is cast to "1", which would be read as an integer
        whole = pc.match_substring_regex(texts, _DIGITS)
        return pc.if_else(whole, pc.binary_join_element_wise(texts, "0", "."), texts)
    return texts


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    special = pc.match_substring_regex(texts, _SPECIAL)
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _disarmed(texts: pa.StringArray) -> pa.StringArray:
    formula = pc.match_substring_regex(texts, _FORMULA)
    if not pc.any(formula).as_py():
        return texts
    formula = pc.and_not(formula, pc.match_substring_regex(texts, _PLAIN_NUMBER))
    return pc.if_else(formula, pc.binary_join_element_wise("'", texts, ""), texts)


def _told(table: StoredTable, progress: Progress) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in table.batches():
        yield batch
        done += batch.num_rows
        progress(done / table.rows)


_WRITERS: dict[str, Callable[[Path, Path, Progress], None]] = {
    "csv": _to_csv,
    "parquet": _to_parquet,
    "arrow": _to_arrow,
}
