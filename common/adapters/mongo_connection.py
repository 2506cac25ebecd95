"""A connection to MongoDB with errors of ours, the only file that imports its drivers.

Two drivers fit: motor, which is asked for by default and runs PyMongo in threads, and PyMongo's own asynchronous client
(`?driver=pymongo` in the URL), its successor. Every call is one command; nothing here needs sessions or transactions.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import pymongo
from pymongo import AsyncMongoClient, IndexModel, UpdateOne, periodic_executor
from pymongo import errors as driver_errors
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.uri_parser import parse_uri

from common import errors
from common.adapters.turns import Turns

Result = TypeVar("Result")
Document = dict[str, Any]

_SELECTION_MS = 800
"""How long a server is looked for."""
_ATTEMPT, _AGAIN, _SCAN, _LONG = 1.0, 0.8, 20.0, 120.0
"""Seconds that a call may take, then its second attempt; a scan; the building of an index. With the wait for a turn
they stay about below the deadline of a request, so that it can be told why."""
_TURNS = 32
_DATABASE = "autolearn"
_FULL = (14031, 12501, 15861)  # OutOfDiskSpace and quotas
_TOO_LARGE = (10334, 17280, 17419, 17420)


class Taken(Exception):
    """A unique index refuses the write. `again`: an earlier attempt may be what it collides with."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index, self.again = index, False


class _Lost(Exception):
    """The command was sent, and no answer came: it may have been carried out."""


@dataclass(frozen=True)
class Sent(Generic[Result]):
    """The answer to a write. `again`: it is the answer to a second attempt; the first may have been carried out."""

    result: Result
    again: bool


class MongoConnection:
    """`mongodb://USER:PASSWORD@HOST:PORT/DATABASE?option=value`; the driver's own options, and `driver`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = parse_qsl(parts.query)
        driver = next((value for name, value in options if name == "driver"), "motor")
        if driver not in ("motor", "pymongo"):
            raise errors.Invalid(f"{parts.scheme}: driver={driver} is none; it is motor or pymongo")
        options = [(name, value) for name, value in options if name != "driver"]
        self._url = urlunsplit(parts._replace(query=urlencode(options)))
        self._told = {name.lower() for name, _ in options}
        self._driver = driver
        self._database = unquote(parts.path).strip("/") or _DATABASE
        self.where = (
            f"{parts.netloc.rpartition('@')[2]}/{self._database}"  # what may be shown: the URL holds a password
        )
        if parts.scheme == "mongodb":
            _check(self._url)
        self._client: AsyncMongoClient[Document] | None = None
        self._turns = Turns(f"the record store {self.where}", _TURNS)
        self._closing = False

    async def open(self) -> None:
        """Connect, and ask for one answer. Raises `errors.Unavailable`."""
        options = {"serverSelectionTimeoutMS": _SELECTION_MS, "connectTimeoutMS": _SELECTION_MS, "appname": "autolearn"}
        chosen = {name: value for name, value in options.items() if name.lower() not in self._told}
        with _translated(self.where):
            build = _motor if self._driver == "motor" else _pymongo
            self._client, turns = build(
                self._url,
                **chosen,
                maxPoolSize=_TURNS,
                retryReads=False,  # a lost answer is asked for again here, so that it is known to be one
                retryWrites=False,
                w="majority",
                journal=True,
                readConcernLevel="majority",
            )
        self._turns, self._closing = Turns(f"the record store {self.where}", turns), False
        try:
            await self._task(lambda: self._attempt(lambda: self._base().command("ping"), _ATTEMPT))
        except BaseException:  # a cancellation too must leave no connection behind
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was accepted, let go of sockets, tasks and threads."""
        if self._client is None or self._closing:
            return
        self._closing = True
        await self._turns.all_ended()
        client, self._client = self._client, None
        await _settled(client.close())
        if self._driver == "motor":
            await _threads_ended()

    # Reads.

    async def find(
        self,
        collection: str,
        where: Document,
        *,
        projection: Mapping[str, Any] | None = None,
        sort: Mapping[str, int] | None = None,
        limit: int = 0,
        long: bool = False,
    ) -> list[Document]:
        """The documents that fulfil a filter; `long` for so many that they may take longer than a request."""
        order = list((sort or {}).items()) or None

        async def call() -> list[Document]:
            cursor = self._collection(collection).find(where, projection, sort=order, limit=limit, batch_size=limit)
            return await cursor.to_list(None)

        return await self._read(call, _SCAN if long else _ATTEMPT)

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """The documents that a pipeline gives."""

        async def call() -> list[Document]:
            cursor = await _settled(self._collection(collection).aggregate(pipeline, allowDiskUse=True))
            found: list[Document] = await cursor.to_list(None)
            return found

        return await self._read(call)

    async def count(self, collection: str, where: Document) -> int:
        """How many documents fulfil a filter."""
        return await self._read(lambda: self._collection(collection).count_documents(where))

    async def statistics(self) -> Document:
        """What the server tells of the database."""
        return await self._read(lambda: self._base().command("dbStats"))

    # Writes.

    async def insert(self, collection: str, document: Document) -> Sent[Any]:
        """Insert one document. Raises `Taken`."""
        return await self._write(lambda: self._collection(collection).insert_one(document))

    async def insert_many(self, collection: str, documents: Sequence[Document]) -> Sent[Any]:
        """Insert documents, those before a refused one. Raises `Taken`."""
        return await self._write(lambda: self._collection(collection).insert_many(documents), _LONG)

    async def update(self, collection: str, where: Document, update: Mapping[str, Any]) -> Sent[bool]:
        """Update one document; whether there is one that fulfils the filter. Raises `Taken`."""

        async def call() -> bool:
            return (await self._collection(collection).update_one(where, update)).matched_count > 0

        return await self._write(call)

    async def update_many(self, collection: str, updates: Sequence[tuple[Document, Mapping[str, Any]]]) -> Sent[int]:
        """Update one document for each filter; how many there were."""

        async def call() -> int:
            told = [UpdateOne(where, update) for where, update in updates]
            return (await self._collection(collection).bulk_write(told, ordered=False)).matched_count

        return await self._write(call)

    async def replace(self, collection: str, identifier: str, document: Document) -> None:
        """Put a document in the place of the one with this id, or there is one more. Raises `Taken`."""
        await self._write(lambda: self._collection(collection).replace_one({"_id": identifier}, document, upsert=True))

    async def delete(self, collection: str, identifier: str) -> None:
        """Remove the document with this id, if it is there."""
        await self._write(lambda: self._collection(collection).delete_one({"_id": identifier}))

    async def index(self, collection: str, indexes: Sequence[tuple[str, Sequence[str], Mapping[str, Any]]]) -> None:
        """Build indexes (name, paths, options) that are not there."""
        models = [IndexModel([(path, 1) for path in paths], name=name, **more) for name, paths, more in indexes]
        try:
            await self._task(lambda: self._attempt(lambda: self._collection(collection).create_indexes(models), _LONG))
        except Taken as error:
            raise errors.Conflict(
                f"{collection} in {self.where} holds values that are not unique; {error.index} cannot be built"
            ) from error

    # How calls are made.

    def _collection(self, name: str) -> AsyncCollection[Document]:
        return self._base()[name]

    def _base(self) -> AsyncDatabase[Document]:
        if self._client is None:
            raise errors.Unavailable(f"the record store {self.where} is not open")
        return self._client[self._database]

    async def _read(self, call: Callable[[], Awaitable[Result]], seconds: float = _ATTEMPT) -> Result:
        return (await self._task(lambda: self._twice(call, seconds))).result

    async def _write(self, call: Callable[[], Awaitable[Result]], seconds: float = _ATTEMPT) -> Sent[Result]:
        return await self._task(lambda: self._twice(call, seconds), whole=True)

    async def _twice(self, call: Callable[[], Awaitable[Result]], seconds: float) -> Sent[Result]:
        """Send a command, and if no answer comes send it once more: each may be repeated, for a write says what it
        expects to find. `again` tells that it may have found its own effect."""
        try:
            return Sent(await self._attempt(call, seconds, lost=_Lost), again=False)
        except _Lost:
            try:
                return Sent(await self._attempt(call, max(_AGAIN, seconds - _ATTEMPT)), again=True)
            except Taken as error:
                error.again = True
                raise

    async def _attempt(
        self, call: Callable[[], Awaitable[Result]], seconds: float, lost: type[Exception] = errors.Unavailable
    ) -> Result:
        with _translated(self.where, lost), pymongo.timeout(seconds):
            result = await call()
        self._turns.answered()
        return result

    async def _task(self, work: Callable[[], Awaitable[Result]], *, whole: bool = False) -> Result:
        if self._client is None or self._closing:
            raise errors.Unavailable(f"the record store {self.where} is not open")
        return await self._turns.take(work, whole=whole)


def _motor(url: str, **options: Any) -> tuple[AsyncMongoClient[Document], int]:
    from motor.frameworks.asyncio import max_workers
    from motor.motor_asyncio import AsyncIOMotorClient

    client: Any = AsyncIOMotorClient(url, **options)  # its calls have the same names and answers
    return client, min(_TURNS, max_workers)


def _pymongo(url: str, **options: Any) -> tuple[AsyncMongoClient[Document], int]:
    return AsyncMongoClient(url, **options), _TURNS


async def _settled(value: Any) -> Any:
    """What motor gives at once and PyMongo's client when it is awaited."""
    return await value if inspect.isawaitable(value) else value


async def _threads_ended() -> None:
    """Wait for the threads that motor and the client below it leave behind. Nothing runs in them any more."""
    from motor.frameworks import asyncio as framework

    def end() -> None:
        for reference in tuple(getattr(periodic_executor, "_EXECUTORS", ())):
            monitor = reference()
            if monitor is not None and monitor._stopped:
                monitor.join(2)

    workers = framework._EXECUTOR
    framework._reset_global_executor()  # type: ignore[no-untyped-call]  # another client gets new ones
    await asyncio.get_running_loop().run_in_executor(workers, end)
    workers.shutdown()


def _check(url: str) -> None:
    """`errors.Invalid` for a URL or an option that the driver does not know; no value in it is shown."""
    try:
        parse_uri(url, warn=False)
    except (driver_errors.PyMongoError, ValueError, TypeError) as error:
        wrong = [name for name, value in parse_qsl(urlsplit(url).query) if not _known(name, value)]
        what = f"has the unknown or wrong option {', '.join(wrong)}" if wrong else "cannot be understood"
        raise errors.Invalid(
            f"mongodb: this URL {what}; it is mongodb://USER:PASSWORD@HOST:PORT/DATABASE?option=value,"
            " with the special characters of a password escaped (%40 for @)"
        ) from error


def _known(option: str, value: str) -> bool:
    try:
        parse_uri(f"mongodb://host/?{urlencode({option: value})}", warn=False)
    except (driver_errors.PyMongoError, ValueError, TypeError):
        return False
    return True


@contextmanager
def _translated(where: str, lost: type[Exception] = errors.Unavailable) -> Iterator[None]:
    """What the driver raises as an error of ours. `lost` is for commands of which it is not known what became."""
    try:
        yield
    except driver_errors.DuplicateKeyError as error:
        raise _taken(error.details, error) from error
    except driver_errors.BulkWriteError as error:
        flaws = error.details.get("writeErrors") or [{}]
        if flaws[0].get("code") == 11000:
            raise _taken(flaws[0], error) from error
        raise _refused(where, flaws[0].get("code"), error) from error
    except (driver_errors.ServerSelectionTimeoutError, driver_errors.WaitQueueTimeoutError) as error:
        # It lists addresses with what each said; the first, up to where timeouts and topology begin, tells why.
        reason = re.match(r"[^,(@]{0,120}", str(error))
        said = reason[0].strip() if reason else ""
        raise errors.Unavailable(f"the record store {where} cannot be reached: {said}") from error
    except (
        driver_errors.ConnectionFailure,
        driver_errors.ExecutionTimeout,
        driver_errors.WriteConcernError,
        OSError,
    ) as error:
        raise lost(f"the record store {where} does not answer: {type(error).__name__}") from error
    except driver_errors.DocumentTooLarge as error:
        raise errors.TooLarge(f"the record store {where} takes no document that large") from error
    except driver_errors.OperationFailure as error:
        raise _refused(where, error.code, error) from error
    except driver_errors.ConfigurationError as error:
        why = (
            "the server is too old or too new for the driver"
            if "wire version" in str(error)
            else "see its URL's options"
        )
        raise errors.Unavailable(f"the record store {where} cannot be used: {why}") from error
    except driver_errors.PyMongoError as error:
        raise errors.Unavailable(f"the record store {where} cannot be used: {type(error).__name__}") from error
    except OverflowError as error:
        raise errors.Invalid("a value cannot be stored: a whole number has more than 64 bits") from error


def _taken(details: Mapping[str, Any] | None, error: Exception) -> Taken:
    named = re.search(r" index: (\S+)", str((details or {}).get("errmsg", error)))
    return Taken(named[1] if named else "")


def _refused(where: str, code: int | None, error: driver_errors.OperationFailure) -> errors.AutoLearnError:
    name = (error.details or {}).get("codeName") or f"code {code}"
    if code in _FULL:
        return errors.StorageFull(f"the disk of the record store {where} is full")
    if code in _TOO_LARGE:
        return errors.TooLarge(f"the record store {where} takes no document that large")
    if code in (13, 18):
        return errors.Unavailable(f"the record store {where} refuses this user: {name}; look at user and authSource")
    return errors.Unavailable(f"the record store {where} refuses a command: {name}")
