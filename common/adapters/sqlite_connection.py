"""An SQLite connection with errors of ours, the only file that imports the driver.

The driver (apsw) brings its own SQLite, because the system's may have the WAL-reset bug
(https://sqlite.org/wal.html#walresetbug). Never open one file with two SQLite libraries in one process.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from common import errors

Row = tuple[Any, ...]
VERSION = apsw.sqlite_lib_version()
_BUSY_MS = 5_000


@dataclass(frozen=True)
class Schema:
    """What a file must contain: a mark that tells its kind, the version of its layout, and idempotent statements."""

    application: int
    version: int
    statements: Sequence[str]


class Connection:
    """The driver's connection with errors of ours; belongs to one thread."""

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self._path = path
        with _translated(path):
            flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE
            self._driver = apsw.Connection(str(path), flags=flags)
            self._driver.set_busy_timeout(_BUSY_MS)
            self._driver.create_scalar_function("contains_text", _contains, 2, deterministic=True)
        for pragma in ("foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON", "temp_store=MEMORY"):
            self.run(f"PRAGMA {pragma}")
        if readonly:
            self.run("PRAGMA query_only=ON")

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        with _translated(self._path):
            return list(self._driver.execute(sql, bindings))

    def row(self, sql: str, bindings: Sequence[Any] = ()) -> Row | None:
        """The first row of a query that has at most one."""
        rows = self.rows(sql, bindings)
        return rows[0] if rows else None

    def run(self, sql: str, bindings: Sequence[Any] = ()) -> int:
        """Execute a statement; the number of rows it changed."""
        with _translated(self._path):
            self._driver.execute(sql, bindings).fetchall()
            return self._driver.changes()

    def run_many(self, sql: str, bindings: Iterable[Sequence[Any]]) -> int:
        """Execute a statement once for each set of bindings; how many rows were changed in all."""
        with _translated(self._path):
            before = self._driver.total_changes()
            self._driver.executemany(sql, bindings)
            return self._driver.total_changes() - before

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open; SQLite ends one by itself when the disk is full or damaged."""
        return self._driver.in_transaction

    def copy_to(self, target: Path) -> None:
        """Copy the file as this connection sees it now, complete in itself, into a new file."""
        with _translated(target), contextlib.closing(apsw.Connection(str(target))) as other:
            with other.backup("main", self._driver, "main") as backup:
                backup.step(-1)
            other.pragma("journal_mode", "delete")

    def prepare(self, schema: Schema) -> None:
        """Make writes durable and bring the file to its schema. `errors.Conflict` if it is not ours to change."""
        # Fewer checkpoints (each 32 MiB of log), and a cache that holds the pages that random keys touch.
        sizes = ("wal_autocheckpoint=8000", "journal_size_limit=67108864", "cache_size=-32768")
        for pragma in ("synchronous=FULL", *sizes):
            self.run(f"PRAGMA {pragma}")
        if self.row("PRAGMA journal_mode=WAL") != ("wal",):
            raise errors.Unavailable(f"{self._path} lies on a file system without shared memory; use a local disk")
        marks = self.row("SELECT application_id, user_version FROM pragma_application_id, pragma_user_version")
        application, version = marks or (0, 0)
        if application not in (0, schema.application):
            raise errors.Conflict(f"{self._path} belongs to something else; name another file")
        if version > schema.version:
            raise errors.Conflict(f"{self._path} was written by a newer AutoLearn; upgrade this one")
        self.run("BEGIN IMMEDIATE")
        for statement in schema.statements:
            self.run(statement)
        self.run(f"PRAGMA application_id={schema.application}")
        self.run(f"PRAGMA user_version={schema.version}")
        self.run("COMMIT")

    def close(self) -> None:
        """Close; the last connection of a file folds the write-ahead log into it."""
        with _translated(self._path):
            self._driver.close()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _contains(*values: Any) -> bool:
    """The filter operator `~` where SQLite's LIKE, which knows only ASCII's cases, is not enough."""
    text, part = values
    return isinstance(text, str) and part.lower() in text.lower()


_MEANING: tuple[tuple[type[apsw.Error], Callable[[str], errors.AutoLearnError]], ...] = (
    (
        apsw.FullError,
        lambda what: errors.StorageFull(f"{what}: the disk is full; free some space and try again"),
    ),
    (apsw.CorruptError, lambda what: errors.IntegrityError(f"{what} is damaged; restore it from a backup")),
    (apsw.NotADBError, lambda what: errors.IntegrityError(f"{what} is not an SQLite file")),
    (
        apsw.ReadOnlyError,
        lambda what: errors.Unavailable(f"{what} cannot be written: it, its folder or disk is read-only"),
    ),
    (apsw.PermissionsError, lambda what: errors.Unavailable(f"{what} may not be opened by this user")),
    (
        apsw.CantOpenError,
        lambda what: errors.Unavailable(f"{what} cannot be opened; look at the folder and its permissions"),
    ),
    (apsw.IOError, lambda what: errors.Unavailable(f"{what}: the disk failed to read or write")),
    (apsw.BusyError, lambda what: errors.Unavailable(f"{what} is locked by another process", retry_after=1)),
    (apsw.TooBigError, lambda what: errors.TooLarge(f"{what} cannot hold a value of this size")),
)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """The one seam where the driver's errors become ours; a violated unique index is named in `extra["field"]`."""
    try:
        yield
    except apsw.ConstraintError as error:
        taken = str(error).rpartition(": ")[2].removeprefix("index ").strip("'")
        raise errors.AlreadyExists(f"{taken} is taken already", extra={"field": taken}) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise errors.Invalid(f"a value cannot be stored: {error}") from error
    except apsw.Error as error:
        for kind, build in _MEANING:
            if isinstance(error, kind):
                raise build(str(path)) from error
        raise errors.Internal(f"{path}: {error}") from error


def of_os(error: OSError, path: Path) -> errors.AutoLearnError:
    """Our error for one of the operating system's, met when the file was made."""
    if error.errno == errno.ENOSPC:
        return errors.StorageFull(f"{path}: the disk is full; free some space and try again")
    return errors.Unavailable(f"{path} cannot be created: {error.strerror}")
