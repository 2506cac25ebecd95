"""A stored table with other column types, computed from its values: the uploaded file is not needed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from common import errors
from common.contracts.datasets import ColumnType
from common.learning import cells
from common.learning.malformed import check_names, shown
from common.learning.moments import Derived, written_with_times
from common.learning.notations import WRITTEN_OTHERWISE, Notation, notation_for
from common.learning.preview import moment
from common.learning.table import StoredTable, TableWriter

_NUMERIC = (ColumnType.number, ColumnType.integer)


def retype(
    source: Path, target: Path, types: Mapping[str, ColumnType], progress: Callable[[float], None]
) -> tuple[str, list[str]]:
    """Store the table `source` at `target` with the given types; gives the new digest and remarks for people.

    `errors.Invalid` for a name that is no column, `errors.BadData` for a value that the new type does not have, with
    its column and row (from 1). A number is no moment and a moment no number: neither says in which unit.
    """
    with StoredTable(source) as table:
        check_names(types, list(table.kinds), "/columns")
        kinds = {name: types.get(name, kind) for name, kind in table.kinds.items()}
        new = [name for name, kind in kinds.items() if kind is ColumnType.datetime is not table.kinds[name]]
        derived = Derived(kinds, [name for name in new if _timed(table, name)], only=new)
        written = notations(table, types)
        with TableWriter(target, derived.kinds) as writer:
            for batch in table.batches():
                columns = []
                for (name, old), column in zip(table.kinds.items(), batch.columns, strict=True):
                    columns.append(changed(column, name, old, kinds[name], writer.rows, written.get(name)))
                writer.write(derived.extended(columns))
                progress(writer.rows / table.rows)
        return writer.digest, derived.notes


def notations(table: StoredTable, types: Mapping[str, ColumnType]) -> dict[str, Notation]:
    """How the texts are written that are to be numbers or moments, where it is not our way."""
    found = {}
    for name, kind in types.items():
        if kind in WRITTEN_OTHERWISE and pa.types.is_string(table.schema.field(name).type):
            told = notation_for(table.column(name), kind)
            if told is not None:
                found[name] = told
    return found


def changed(
    column: pa.Array, name: str, old: ColumnType, new: ColumnType, before: int, written: Notation | None = None
) -> pa.Array:
    """The values of a block as another type; `before` rows came before it. Raises `errors.BadData` as `retype`."""
    values = _changed(written.plain(column) if written else column, old, new)
    index = cells.first_unfit(column, values)
    if index is not None:
        raise _impossible(name, before + index + 1, column[index], new)
    return values


def _timed(table: StoredTable, name: str) -> bool:
    texts = table.column(name)
    return pa.types.is_string(texts.type) and written_with_times(texts)


def as_texts(column: pa.Array) -> pa.StringArray:
    """The values of a stored column as texts that `cells.convert` gives back: 1.5, 3, true, 2021-01-01T00:00:00.000Z.

    A whole number is written without a point, so that 1.0 and 1 are one category.
    """
    if pa.types.is_timestamp(column.type):
        return pa.array([moment(value) for value in column.cast(pa.int64()).to_pylist()], pa.string())
    if pa.types.is_floating(column.type):
        texts = [None if value is None else repr(value).removesuffix(".0") for value in column.to_pylist()]
        return pa.array(texts, pa.string())
    return column.cast(pa.string())


def _changed(column: pa.Array, old: ColumnType, new: ColumnType) -> pa.Array:
    target = cells.ARROW_TYPES[new]
    if column.type == target:
        return column
    if (old in _NUMERIC and new is ColumnType.datetime) or (old is ColumnType.datetime and new in _NUMERIC):
        return pa.nulls(len(column), target)
    if old is ColumnType.boolean and new in _NUMERIC:
        return column.cast(pa.int64()).cast(target)
    if old is ColumnType.integer and new is ColumnType.number:
        return column.cast(target, safe=False)
    if old in _NUMERIC and new is ColumnType.boolean:
        bit = pc.or_(pc.equal(column, 0), pc.equal(column, 1))
        return pc.if_else(bit, pc.equal(column, 1), pa.scalar(None, target))
    return cells.convert(as_texts(column), new)


def _impossible(name: str, row: int, value: pa.Scalar, kind: ColumnType) -> errors.BadData:
    detail = f"column {shown(name)}, row {row}: {shown(str(value.as_py()))!r} is not {kind.value}"
    flaw = errors.Flaw("/columns", "type", detail)
    return errors.BadData(f"The column types do not fit the values: {detail}", flaws=[flaw])
