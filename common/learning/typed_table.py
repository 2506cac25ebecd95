"""From a Parquet or Arrow IPC file, which state the types of their columns, to a stored table; in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common.contracts.datasets import ColumnType, ReadOptions
from common.learning import cells
from common.learning.column_types import text_kind
from common.learning.csv_options import Limits, Told
from common.learning.malformed import bad_data, check_names, shown
from common.learning.moments import Derived, has_times
from common.learning.read_table import Progress, ReadTable
from common.learning.retyping import changed, notations
from common.learning.table import Kinds, StoredTable, TableWriter
from common.learning.unique_names import unique
from common.learning.unpacking import PARQUET

_ROWS = 1 << 16
_CELLS = 1 << 20
_ROW_GROUPS = 100_000


def read_typed(
    source: Path,
    target: Path,
    kind: str,
    told: Told,
    types: Mapping[str, ColumnType],
    limits: Limits,
    progress: Progress,
) -> ReadTable:
    """Read the file `source` of this `kind` (parquet, arrow) and store its table as the Parquet file `target`.

    Raises `errors.BadData`: `format` for a damaged file, `type` for a type of columns that a table cannot have,
    `limit`, `empty`, `number`, `encoding`.
    """
    missing = cells.word_array(told.missing or ())
    draft = target.with_name("draft")
    try:
        fields, first, notes = _drafted(source, draft, kind, types, missing, limits, progress)
        digest, stored, kinds, more = _stored(draft, target, fields, first, types, progress)
    finally:
        draft.unlink(missing_ok=True)
    options = ReadOptions(format=kind, missing=missing.to_pylist())
    return ReadTable(digest, stored, kinds, options, [*notes, *more])


def _drafted(
    source: Path,
    draft: Path,
    kind: str,
    types: Mapping[str, ColumnType],
    missing: pa.StringArray,
    limits: Limits,
    progress: Progress,
) -> tuple[list[pa.Field], Kinds, list[str]]:
    """First pass: every value in the form in which tables are stored; the columns, their types, and remarks."""
    with _opened(source, kind, limits) as (schema, rows, batches):
        notes: list[str] = []
        dropped = {position for position, name in enumerate(schema.names) if name.startswith("__index_level_")}
        if dropped:
            notes.append("left out: the index of a DataFrame")
        fields = [field for position, field in enumerate(schema) if position not in dropped]
        names = unique([_printable(field.name, number) for number, field in enumerate(fields, 1)], notes, longest=200)
        check_names(types, names, "/types")
        first = {
            name: _stored_kind(field, number) for number, (name, field) in enumerate(zip(names, fields, strict=True), 1)
        }
        if not first or all(pa.types.is_null(field.type) for field in fields):
            raise bad_data("empty", "the table has no column with a value")
        with TableWriter(draft, first) as writer:
            for batch in batches:
                kept = [column for position, column in enumerate(batch.columns) if position not in dropped]
                values = [
                    _values(column, name, first[name], position, writer.rows, missing, limits)
                    for position, (name, column) in enumerate(zip(names, kept, strict=True), 1)
                ]
                writer.write(values)
                if writer.rows > limits.rows:
                    raise bad_data("limit", f"more than the {limits.rows} rows allowed")
                progress("reading", min(1.0, writer.rows / max(1, rows)))
        if not writer.rows:
            raise bad_data("empty", "the table has no row")
    return fields, first, notes


def _stored(
    draft: Path,
    target: Path,
    fields: list[pa.Field],
    first: Kinds,
    types: Mapping[str, ColumnType],
    progress: Progress,
) -> tuple[str, int, Kinds, list[str]]:
    """Second pass: whether texts are categories, and the types that were told."""
    notes = []
    with StoredTable(draft) as table:
        kinds: Kinds = {}
        for (name, kind), field in zip(first.items(), fields, strict=True):
            if name in types:
                kind = types[name]
            elif kind is ColumnType.text and not pa.types.is_dictionary(field.type):
                kind = text_kind(partial(table.chunks, name), table.rows)
            elif kind is ColumnType.text:
                kind = ColumnType.category
            kinds[name] = kind
            if pa.types.is_null(field.type):
                notes.append(f"column {shown(name)} has no value in any row")
            elif pa.types.is_timestamp(field.type) and field.type.unit in ("us", "ns"):
                notes.append(f"column {shown(name)}: what is finer than a millisecond is cut off")
        moments = [name for name, kind in kinds.items() if kind is first[name] is ColumnType.datetime]
        timed = {name for name in moments if any(map(has_times, table.chunks(name)))}
        derived = Derived(kinds, timed)
        written = notations(table, types)
        with TableWriter(target, derived.kinds) as writer:
            for batch in table.batches():
                columns = [
                    changed(column, name, first[name], kinds[name], writer.rows, written.get(name))
                    for name, column in zip(first, batch.columns, strict=True)
                ]
                writer.write(derived.extended(columns))
                progress("storing", writer.rows / table.rows)
    return writer.digest, writer.rows, derived.kinds, [*notes, *derived.notes]


@contextmanager
def _opened(source: Path, kind: str, limits: Limits) -> Iterator[tuple[pa.Schema, int, Iterator[pa.RecordBatch]]]:
    try:
        if kind == PARQUET:
            with pq.ParquetFile(source) as file:
                meta = file.metadata
                if meta.num_columns > limits.columns or meta.num_row_groups > _ROW_GROUPS:
                    what = f"{meta.num_columns} columns in {meta.num_row_groups} row groups are more than is allowed"
                    raise bad_data("limit", what)
                if meta.num_rows > limits.rows:
                    raise bad_data("limit", f"{meta.num_rows} rows, more than the {limits.rows} allowed")
                size = max(1, min(_ROWS, _CELLS // max(1, meta.num_columns)))
                yield file.schema_arrow, meta.num_rows, _checked(file.iter_batches(batch_size=size, use_threads=False))
        else:
            with pa.memory_map(str(source)) as mapped:
                yield _arrow(mapped, limits)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, pa.ArrowIndexError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _unreadable(error, kind) from error
    except MemoryError as error:
        raise bad_data("limit", "the table unpacks to more memory than reading may take") from error


def _arrow(mapped: pa.MemoryMappedFile, limits: Limits) -> tuple[pa.Schema, int, Iterator[pa.RecordBatch]]:
    if mapped.read(6) == b"ARROW1":
        mapped.seek(0)
        file = pa.ipc.open_file(mapped)
        schema, whole = file.schema, map(file.get_batch, range(file.num_record_batches))
    else:
        mapped.seek(0)
        schema = (stream := pa.ipc.open_stream(mapped)).schema
        whole = iter(stream)
    if len(schema) > limits.columns:
        raise bad_data("limit", f"{len(schema)} columns, more than the {limits.columns} allowed")
    size = max(1, min(_ROWS, _CELLS // max(1, len(schema))))
    return schema, 0, _checked(part for batch in whole for part in _slices(batch, size))


def _slices(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    batch.validate(full=True)
    for start in range(0, batch.num_rows, size):
        yield batch.slice(start, size)


def _checked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _unreadable(error: Exception, kind: str) -> Exception:
    text = str(error)
    if "ncrypt" in text:
        return bad_data("type", f"an encrypted {kind} file cannot be read; decrypt it first")
    if "overflow" in text or "capacity" in text:
        return bad_data("limit", f"the {kind} file unpacks to more than reading may take: {shown(text, 120)}")
    if "UTF8" in text or "UTF-8" in text:
        return bad_data("encoding", f"a text in the {kind} file is not UTF-8: {shown(text, 120)}")
    return bad_data("format", f"the {kind} file is damaged or cut off: {shown(text, 200)}")


def _printable(name: str, number: int) -> str:
    if "\0" in name:
        raise bad_data("encoding", "a name with a NUL character", column=number, name=name)
    return name


_NUMBERS = (pa.types.is_floating, pa.types.is_decimal32, pa.types.is_decimal64, pa.types.is_decimal128)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_MOMENTS = (pa.types.is_timestamp, pa.types.is_date)
_BY_TYPE: tuple[tuple[ColumnType, tuple[Callable[[pa.DataType], bool], ...]], ...] = (
    (ColumnType.boolean, (pa.types.is_boolean,)),
    (ColumnType.integer, (pa.types.is_integer,)),
    (ColumnType.number, (*_NUMBERS, pa.types.is_null)),
    (ColumnType.datetime, _MOMENTS),
    (ColumnType.text, _TEXTS),
)


def _stored_kind(field: pa.Field, number: int) -> ColumnType:
    kind = _kind(field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
    if kind is None:
        what = f"columns of type {shown(str(field.type))} cannot be in a table; leave it out or write it as text"
        raise bad_data("type", what, column=number, name=field.name)
    return kind


def _kind(arrow: pa.DataType) -> ColumnType | None:
    return next((kind for kind, checks in _BY_TYPE if any(check(arrow) for check in checks)), None)


def _values(
    column: pa.Array, name: str, kind: ColumnType, position: int, before: int, missing: pa.StringArray, limits: Limits
) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = decoded(column)
    stored = cells.ARROW_TYPES[kind]
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    if pa.types.is_uint64(column.type):
        large = pc.index(pc.greater(column, pa.scalar(2**63 - 1, pa.uint64())), True).as_py()
        if large >= 0:
            raise _not_finite(column[large], before + large, position, name)
    values = (
        column.cast(pa.timestamp("ms")).cast(stored)
        if pa.types.is_date(column.type)
        else column.cast(stored, safe=False)
    )
    if kind is ColumnType.number:
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, stored), values)
        wrong = pc.index(pc.is_inf(values), True).as_py()
        if wrong >= 0:
            raise _not_finite(values[wrong], before + wrong, position, name)
    if kind is ColumnType.text:
        if (pc.max(pc.binary_length(values)).as_py() or 0) > limits.cell:
            raise bad_data("limit", f"a text of more than {limits.cell} bytes", column=position, name=name)
        values = cells.without_words(values, missing)[0] if len(missing) else values
    return values


def decoded(column: pa.DictionaryArray) -> pa.Array:
    """The values of an array that holds each once: they may be very many more bytes."""
    return column.dictionary_decode()


def _not_finite(value: pa.Scalar, row: int, position: int, name: str) -> Exception:
    what = f"row {row + 1}: {value.as_py()} is beyond what a 64-bit integer or a finite 64-bit number can hold"
    return bad_data("number", what, column=position, name=name)
