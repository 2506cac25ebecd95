"""What a disk, a neighbour or a bad file can do to an SQLite file, and how groups of writes behave."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from common import errors
from common.adapters.sqlite_connection import Connection, Schema
from common.adapters.sqlite_file import SqliteFile

SCHEMA = Schema(0x54455354, 2, ("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT) STRICT",))


def insert(number: int, text: str = "") -> object:
    def work(connection: Connection) -> int:
        connection.run("INSERT INTO t VALUES (?, ?)", (number, text))
        return number

    return work


async def numbers(file: SqliteFile) -> list[int]:
    return await file.read(lambda connection: [row[0] for row in connection.rows("SELECT n FROM t ORDER BY n")])


async def test_a_failing_write_leaves_its_group_alone(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    results = await asyncio.gather(*(file.write(insert(n % 5)) for n in range(10)), return_exceptions=True)
    assert results[:5] == [0, 1, 2, 3, 4]
    assert all(isinstance(result, errors.AlreadyExists) for result in results[5:])
    assert await numbers(file) == [0, 1, 2, 3, 4]
    await file.close()


async def test_a_mistake_in_a_write_undoes_all_of_it(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()

    def work(connection: Connection) -> None:
        connection.run("INSERT INTO t VALUES (1, '')")
        raise KeyError("mistake")

    with pytest.raises(KeyError):
        await file.write(work)
    assert await numbers(file) == []
    await file.close()


async def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    await file.write(lambda connection: connection.rows("PRAGMA max_page_count=20"))
    with pytest.raises(errors.StorageFull):
        await file.write(insert(1, "x" * 200_000))
    assert await numbers(file) == []
    await file.write(lambda connection: connection.rows("PRAGMA max_page_count=2000"))
    await file.write(insert(1, "x" * 200_000))
    assert await numbers(file) == [1]
    await file.close()


async def test_too_many_waiting_calls_are_refused(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA, pending=5)
    await file.open()
    results = await asyncio.gather(*(file.write(insert(n)) for n in range(10)), return_exceptions=True)
    assert results[:5] == [0, 1, 2, 3, 4]
    assert all(isinstance(result, errors.Unavailable) and result.retry_after for result in results[5:])
    await file.write(insert(9))
    await file.close()


async def test_what_follows_a_success_happens_also_for_a_caller_that_left(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    followed: list[int] = []
    writing = asyncio.ensure_future(file.write(insert(7), followed.append))
    await asyncio.sleep(0)
    writing.cancel()
    await file.write(insert(8), followed.append)
    assert followed == [7, 8]
    await file.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
async def test_a_damaged_file_is_an_integrity_error_and_leaves_no_thread(tmp_path: Path, content: bytes) -> None:
    threads = set(threading.enumerate())
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(errors.IntegrityError):
        await SqliteFile(tmp_path / "a.db", SCHEMA).open()
    assert set(threading.enumerate()) == threads


async def test_damage_inside_is_found_by_check(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    await file.write(insert(1, "x" * 100_000))
    assert (await file.check())["size"]
    await file.close()
    damaged = bytearray((tmp_path / "a.db").read_bytes())
    damaged[4096:8192] = b"\xff" * 4096
    (tmp_path / "a.db").write_bytes(damaged)
    again = SqliteFile(tmp_path / "a.db", SCHEMA)
    with pytest.raises(errors.IntegrityError):
        await again.open()
        try:
            await again.check()
        finally:
            await again.close()


@pytest.mark.parametrize(("application", "version"), [(1, 2), (0x54455354, 3)])
async def test_another_programs_or_a_newer_file_is_left_alone(tmp_path: Path, application: int, version: int) -> None:
    other = SqliteFile(tmp_path / "a.db", Schema(application, version, SCHEMA.statements))
    await other.open()
    await other.close()
    with pytest.raises(errors.Conflict):
        await SqliteFile(tmp_path / "a.db", SCHEMA).open()


async def test_a_path_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.Unavailable):
        await SqliteFile(tmp_path / "file" / "a.db", SCHEMA).open()
    with pytest.raises(errors.Unavailable):
        await SqliteFile(tmp_path, SCHEMA).open()


async def test_writes_are_durable_and_readers_cannot_write(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    assert await file.write(lambda c: (c.row("PRAGMA journal_mode"), c.row("PRAGMA synchronous"))) == (
        ("wal",),
        (2,),
    )
    with pytest.raises(errors.Unavailable):
        await file.read(insert(1))
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600
    await file.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


async def test_a_backup_is_complete_in_itself_and_never_overwrites(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a.db", SCHEMA)
    await file.open()
    await file.write(insert(1))
    await file.backup(tmp_path / "b.db")
    with pytest.raises(errors.Conflict):
        await file.backup(tmp_path / "b.db")
    await file.close()
    copied = SqliteFile(tmp_path / "b.db", SCHEMA)
    await copied.open()
    assert await numbers(copied) == [1]
    await copied.close()
