"""What the oracle reads of a platform whose state, log and blobs are in engines, through the adapters.

The adapters are held to what they say by the contract suites; what is confidential is looked for in MongoDB's own
documents.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, TypeVar

import pymongo

from common import errors
from common.adapters import registry
from common.ports.event_log import EventLog
from common.ports.record_store import Collection, RecordStore
from tests.places import IN_CLEAR, Place, Row

Result = TypeVar("Result")
_PAGE = 500
_OTHERS = ("layout", "log_")
"""How collections begin that hold no records: the mark of the adapter, and the index of the log."""


class Engines(Place):
    """`urls` by setting (`record_store`, `event_log`, `blob_store`); `folders` are those of the processes."""

    def __init__(self, urls: Mapping[str, str], folders: Sequence[Path], master: Path) -> None:
        self._urls, self.folders, self.master = urls, folders, master

    def rows(self) -> Iterable[Row]:
        return asyncio.run(self._with_store(self._rows))

    async def _rows(self, store: RecordStore) -> list[Row]:
        found = []
        for name in self._collections():
            await store.ensure(Collection(name))
            found += [
                Row(name, one.id, one.version, one.head, dict(one.state), dict(one.envelope), list(one.outbox))
                async for one in store.scan(name)
                if one.version > 0
            ]
        return found

    def events(self) -> Iterable[dict[str, Any]]:
        return asyncio.run(self._with_log(self._events))

    async def _events(self, log: EventLog) -> list[dict[str, Any]]:
        found, after = [], 0
        while page := await log.read(after=after, limit=_PAGE, topic="state"):
            found += [one.event for one in page]
            after = page[-1].arrival
        return found

    def blob(self, name: str) -> AbstractContextManager[IO[bytes]]:
        async def read() -> bytes:
            async with registry.blob_store(self._urls["blob_store"]) as blobs:
                return b"".join([piece async for piece in blobs.read(name)])

        try:
            return io.BytesIO(asyncio.run(read()))
        except errors.NotFound as error:
            raise FileNotFoundError(name) from error

    def texts(self) -> Iterator[tuple[str, bytes]]:
        with pymongo.MongoClient(self._urls["record_store"]) as client:
            database = client.get_default_database()
            for name in database.list_collection_names():
                if name not in IN_CLEAR:
                    yield f"collection {name}", "\n".join(str(one) for one in database[name].find()).encode()
        yield "event log", asyncio.run(self._with_log(self._calls))

    async def _calls(self, log: EventLog) -> bytes:
        texts, after = [], 0
        while page := await log.read(after=after, limit=_PAGE):
            texts += [json.dumps(one.event, ensure_ascii=False) for one in page]
            after = page[-1].arrival
        return "\n".join(texts).encode()

    def _collections(self) -> list[str]:
        with pymongo.MongoClient(self._urls["record_store"]) as client:
            names = client.get_default_database().list_collection_names()
        return [name for name in sorted(names) if not name.startswith(_OTHERS)]

    async def _with_store(self, work: Callable[[RecordStore], Awaitable[Result]]) -> Result:
        async with registry.record_store(self._urls["record_store"]) as store:
            return await work(store)

    async def _with_log(self, work: Callable[[EventLog], Awaitable[Result]]) -> Result:
        async with (
            registry.record_store(self._urls["record_store"]) as store,
            registry.event_log(self._urls["event_log"], store) as log,
        ):
            return await work(log)
