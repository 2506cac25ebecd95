"""Lists are read from indexes, as SQLite's own plans show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from common.adapters.record_store.sqlite import SqliteRecordStore
from common.adapters.sqlite_connection import Connection
from common.adapters.sqlite_document import COLUMNS, term
from common.adapters.sqlite_query import Fragment, compiled, page_statement, segments
from common.filtering.conditions import And, Comparison, Condition
from common.filtering.sorting import Place, SortKey
from common.ports.record_store import Collection

EXPERIMENTS = Collection(
    "experiments", indexes=(("state.measures.f1",), ("state.created",), ("state.session", "state.created"))
)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    async with SqliteRecordStore(tmp_path / "records.db") as store:
        await store.ensure(EXPERIMENTS)
        reading = Connection(tmp_path / "records.db", readonly=True)
        yield reading
        reading.close()


def plans(
    connection: Connection,
    sort: Sequence[SortKey],
    where: Condition | None = None,
    after: Place | None = None,
) -> list[str]:
    """The plan of every stretch of the list, its steps joined."""
    condition = Fragment("1") if where is None else compiled(where, term)
    found = []
    for stretch in segments(sort, after, term):
        statement = page_statement("record_experiments", COLUMNS, condition, stretch, 50)
        rows = connection.rows(f"EXPLAIN QUERY PLAN {statement.sql}", statement.bindings)
        found.append("; ".join(str(row[3]) for row in rows))
    return found


@pytest.mark.parametrize("after", [None, (0.5, "exp_1"), (None, "exp_1")])
@pytest.mark.parametrize("where", [None, Comparison("state.measures.f1", ">", 0.9)])
@pytest.mark.parametrize("descending", [True, False])
async def test_sorting_by_an_indexed_path_never_sorts(
    connection: Connection, after: Place | None, where: Condition | None, descending: bool
) -> None:
    for plan in plans(connection, [SortKey("state.measures.f1", descending)], where, after):
        assert plan.startswith("SEARCH record_experiments USING INDEX record_experiments_index_")
        assert "TEMP B-TREE" not in plan


async def test_a_session_sorted_by_time_uses_their_common_index(connection: Connection) -> None:
    where = Comparison("state.session", "=", "ses_1")
    for plan in plans(connection, [SortKey("state.created")], And((where,))):
        assert "SEARCH" in plan and "TEMP B-TREE" not in plan


async def test_without_a_sort_order_the_ids_are_the_index(connection: Connection) -> None:
    for plan in [*plans(connection, []), *plans(connection, [], after=("exp_1",))]:
        assert "TEMP B-TREE" not in plan
