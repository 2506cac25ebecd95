"""Where a platform keeps its things, as the oracle reads them: a data folder, or the engines of many processes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import apsw

from common.records.event import name_of

IN_CLEAR = ("experiment_summaries",)
"""The one collection in which what people filter experiments by may be read (architecture.md §7)."""


@dataclass
class Row:
    """One record as it is stored; `table` is empty for one that only the log knows."""

    table: str
    id: str
    version: int
    head: str
    state: dict[str, Any]
    envelope: dict[str, Any]
    outbox: list[dict[str, Any]]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What kind of record it is, by its first event: `training`, `session`."""
        return name_of(self.events[0]).partition(".")[0] if self.events else ""


class Place(ABC):
    """What the oracle looks at; `folders` are those of its processes, `master` is the file of the master keys."""

    folders: Sequence[Path]
    master: Path

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """Every record of every service, without its history."""

    @abstractmethod
    def events(self) -> Iterable[dict[str, Any]]:
        """Every state event of the log in the order of arrival."""

    @abstractmethod
    def blob(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A blob. `OSError` when it is not there."""

    @abstractmethod
    def texts(self) -> Iterator[tuple[str, bytes]]:
        """What is written outside of files, or scattered in one, by the name of its place; without what is in clear."""

    def allowed(self, name: str) -> bytes:
        """What may be read in clear in the file of this name."""
        return b""

    def damages(self) -> Iterator[tuple[str, str]]:
        """What an engine says of damage to its files, by file."""
        yield from ()

    def unfinished(self) -> Iterator[str]:
        """Blobs that were begun and never finished."""
        yield from ()


class Folder(Place):
    """The data folder of an embedded platform. Files and tables have the names of the embedded adapters."""

    def __init__(self, data: Path) -> None:
        self.data, self.folders, self.master = data, (data,), data / "master.key"
        self._records, self._events = data / "records.db", data / "events.db"

    def rows(self) -> Iterable[Row]:
        sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'record\\_%' ESCAPE '\\' ORDER BY name"
        for (table,) in _selected(self._records, sql):
            sql = f"SELECT id, version, head, state, envelope, outbox FROM {table} WHERE version > 0"
            for identifier, version, head, *documents in _selected(self._records, sql):
                yield Row(table, identifier, version, head, *(json.loads(one) for one in documents))

    def events(self) -> Iterable[dict[str, Any]]:
        sql = "SELECT body FROM event WHERE kind = 'state' ORDER BY arrival"
        return [json.loads(body) for (body,) in _selected(self._events, sql)]

    def blob(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return (self.data / "blobs" / name).open("rb")

    def texts(self) -> Iterator[tuple[str, bytes]]:
        yield "records.db", _text_of(self._records, lambda table: table not in _TABLES_IN_CLEAR)
        yield "events.db", _text_of(self._events, lambda _: True)

    def allowed(self, name: str) -> bytes:
        # In the file of the records the searchable summary is allowed to lie; what is in it is looked for by table.
        return (
            _text_of(self._records, lambda table: table in _TABLES_IN_CLEAR) if name.startswith("records.db") else b""
        )

    def damages(self) -> Iterator[tuple[str, str]]:
        for path in (self._records, self._events):
            for (said,) in _selected(path, "PRAGMA quick_check"):
                if said != "ok":
                    yield path.name, str(said)

    def unfinished(self) -> Iterator[str]:
        for path in sorted((self.data / "blobs").rglob(".unfinished-*")):
            yield str(path.relative_to(self.data))


_TABLES_IN_CLEAR = frozenset(f"record_{name}" for name in IN_CLEAR)


def _selected(path: Path, sql: str) -> list[tuple[Any, ...]]:
    # Not immutable: a running platform, or one that was killed, has its newest writes in the WAL.
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(5_000)
        return list(connection.execute(sql))
    finally:
        connection.close()


def _text_of(path: Path, wanted: Callable[[str], bool]) -> bytes:
    """Every text of some tables of a file: a long one is scattered over pages and no scan of bytes finds it."""
    texts: list[str] = []
    for (table,) in _selected(path, "SELECT name FROM sqlite_schema WHERE type = 'table'"):
        if wanted(table):
            for row in _selected(path, f"SELECT * FROM {table}"):
                texts.extend(value for value in row if isinstance(value, str))
    return "\n".join(texts).encode()
