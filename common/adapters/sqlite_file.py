"""One SQLite file behind an async face: a writer thread with group commit, and a few reader threads.

Writes that arrive while a commit is syncing share the next one, so that durability (`synchronous=FULL`) costs one sync
per group and not per write. Each write runs in a savepoint of its own: one that fails leaves its neighbours alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from common import errors
from common.adapters.sqlite_connection import VERSION, Connection, Schema, of_os, sync_folder

Result = TypeVar("Result")

_GROUP = 256
"""Writes in one transaction: bounds how long the first one waits for the last."""


@dataclass
class _Job(Generic[Result]):
    work: Callable[[Connection], Result]
    after: Callable[[Result], None] | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Result]
    outcome: Any = None
    failed: bool = False
    last: bool = False

    def fail(self, error: BaseException) -> None:
        self.outcome, self.failed = error, True

    def settle(self) -> None:
        """On the event loop: tell the caller, if it still waits, and in any case what follows a success."""
        if not self.failed and self.after is not None:
            self.after(self.outcome)
        if self.future.done():
            return
        if self.failed:
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


_Jobs = queue.SimpleQueue["_Job[Any]"]


class SqliteFile:
    """Runs functions on connections of one file, outside the event loop.

    `pending` bounds the calls that wait at once; beyond it they are refused with `errors.Unavailable`.
    """

    def __init__(self, path: Path, schema: Schema, *, readers: int = 2, pending: int = 20_000) -> None:
        self.path = path
        self._schema, self._readers, self._limit = schema, readers, pending
        self._writes: _Jobs = queue.SimpleQueue()
        self._reads: _Jobs = queue.SimpleQueue()
        self._threads: list[tuple[threading.Thread, _Jobs]] = []
        self._waiting = 0
        self._open = False

    async def open(self) -> None:
        """Create the file if need be, bring it to its schema and start the threads."""
        if self._threads:
            raise RuntimeError(f"{self.path} was opened before")
        try:
            await self._start("writer", self._writes, self._write_loop, self._open_writer)
            for number in range(self._readers):
                await self._start(f"reader-{number}", self._reads, self._read_loop, self._open_reader)
        except BaseException:  # a cancellation too must leave no thread behind
            await asyncio.shield(self._stop())
            raise
        self._open = True

    async def close(self) -> None:
        """Finish what was accepted, close the connections and join the threads."""
        if self._open:
            self._open = False
            await asyncio.shield(self._stop())

    async def write(
        self, work: Callable[[Connection], Result], after: Callable[[Result], None] | None = None
    ) -> Result:
        """Run `work` in a durable transaction. It must not keep the connection.

        Once accepted it runs, whether or not its caller still waits; `after` then gets its result on the event loop.
        """
        return await self._submit(self._writes, work, after)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` on one snapshot; skipped when its caller is cancelled before its turn."""
        return await self._submit(self._reads, work, None)

    async def check(self) -> dict[str, str | int]:
        """The size in bytes and SQLite's version; `errors.IntegrityError` with SQLite's first complaint."""

        def work(connection: Connection) -> str:
            found = connection.row("PRAGMA integrity_check(1)")
            return str(found[0]) if found else "no answer"

        verdict = await self.read(work)
        if verdict != "ok":
            raise errors.IntegrityError(f"{self.path} is damaged: {verdict}; restore it from a backup")
        return {"path": str(self.path), "size": await self.read(lambda _: self._size()), "sqlite": VERSION}

    async def backup(self, target: Path, begun: asyncio.Event | None = None) -> None:
        """Copy the state of one moment to a new file while in use. `errors.Conflict` if the file exists.

        `begun` is set once that moment has come.
        """
        loop = asyncio.get_running_loop()

        def work(connection: Connection) -> None:
            connection.row("SELECT count(*) FROM sqlite_schema")  # a snapshot begins with its first read
            if begun is not None:
                loop.call_soon_threadsafe(begun.set)
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError as error:
                raise errors.Conflict(f"{target} exists already; a backup never overwrites") from error
            connection.copy_to(target)
            sync_folder(target.parent)

        await self.read(work)

    def require_open(self) -> None:
        """`errors.Unavailable` unless the file is open."""
        if not self._open:
            raise errors.Unavailable(f"the SQLite file {self.path} is not open")

    async def _submit(
        self, jobs: _Jobs, work: Callable[[Connection], Result], after: Callable[[Result], None] | None
    ) -> Result:
        self.require_open()
        if self._waiting >= self._limit:
            raise errors.Unavailable(f"{self._limit} calls wait for {self.path} already", retry_after=1)
        loop = asyncio.get_running_loop()
        job = _Job(work, after, loop, loop.create_future())
        self._waiting += 1
        job.future.add_done_callback(self._left)
        jobs.put(job)
        result: Result = await job.future
        return result

    def _left(self, _: object) -> None:
        self._waiting -= 1

    async def _start(
        self,
        name: str,
        jobs: _Jobs,
        run: Callable[[Connection], _Job[Any]],
        connect: Callable[[], Connection],
    ) -> None:
        opened = _empty_job()

        def main() -> None:
            try:
                connection = connect()
            except Exception as error:
                opened.fail(error)
                _deliver([opened])
                _deliver([jobs.get()])  # nothing but the end can come
                return
            _deliver([opened])
            last = run(connection)
            try:
                connection.close()
            except errors.AutoLearnError as error:
                last.fail(error)
            _deliver([last])

        thread = threading.Thread(target=main, name=f"sqlite-{self.path.name}-{name}", daemon=True)
        self._threads.append((thread, jobs))
        thread.start()
        await opened.future

    async def _stop(self) -> None:
        # Readers first: the writer, closing last, folds the write-ahead log into the file.
        for group in (self._threads[1:], self._threads[:1]):
            ends = [(jobs, _empty_job(last=True)) for _, jobs in group]
            for jobs, end in ends:
                jobs.put(end)
            # Readers share a queue: whichever took which end, when all have come all threads are done.
            outcomes = await asyncio.gather(*(end.future for _, end in ends), return_exceptions=True)
            for thread, _ in group:
                thread.join()
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

    def _open_writer(self) -> Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
                sync_folder(self.path.parent)
        except OSError as error:
            raise of_os(error, self.path) from error
        connection = Connection(self.path, readonly=False)
        try:
            connection.prepare(self._schema)
        except BaseException:  # whatever it was, nobody else can close this connection
            connection.close()
            raise
        return connection

    def _open_reader(self) -> Connection:
        return Connection(self.path, readonly=True)

    def _size(self) -> int:
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _read_loop(self, connection: Connection) -> _Job[Any]:
        while not (job := self._reads.get()).last:
            if not job.future.cancelled():
                _look(connection, job)
            _deliver([job])
        return job

    def _write_loop(self, connection: Connection) -> _Job[Any]:
        while True:
            jobs = _take(self._writes)
            last = jobs.pop() if jobs[-1].last else None
            if jobs:
                _commit(connection, jobs)
                _deliver(jobs)
            if last:
                return last


def _empty_job(*, last: bool = False) -> _Job[None]:
    loop = asyncio.get_running_loop()
    return _Job(lambda _: None, None, loop, loop.create_future(), last=last)


def _take(jobs: _Jobs) -> list[_Job[Any]]:
    """The next job, waiting for it, and those that are there already."""
    taken = [jobs.get()]
    while len(taken) < _GROUP and not taken[-1].last:
        try:
            taken.append(jobs.get_nowait())
        except queue.Empty:
            break
    return taken


def _look(connection: Connection, job: _Job[Any]) -> None:
    """Run a reading job on one snapshot."""
    try:
        connection.run("BEGIN")
        job.outcome = job.work(connection)
        connection.run("COMMIT")
    except Exception as error:
        job.fail(error)
        if connection.in_transaction:
            _roll_back(connection)


def _commit(connection: Connection, jobs: Sequence[_Job[Any]]) -> None:
    """Run the jobs in one transaction; if that is lost, nothing happened and all are told so."""
    try:
        connection.run("BEGIN IMMEDIATE")
        for job in jobs:
            _attempt(connection, job)
        connection.run("COMMIT")
    except Exception as error:
        for job in jobs:
            told = copy.copy(error)
            told.__cause__ = error
            job.fail(told)
        if connection.in_transaction:
            _roll_back(connection)


def _attempt(connection: Connection, job: _Job[Any]) -> None:
    connection.run("SAVEPOINT job")
    try:
        job.outcome = job.work(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.run("ROLLBACK TO job")
        job.fail(error)
    connection.run("RELEASE job")


def _roll_back(connection: Connection) -> None:
    # What made it necessary is told already; if this fails too, the next BEGIN does and tells its caller.
    with contextlib.suppress(errors.AutoLearnError):
        connection.run("ROLLBACK")


def _deliver(jobs: Sequence[_Job[Any]]) -> None:
    for loop in {job.loop for job in jobs}:
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, [job for job in jobs if job.loop is loop])


def _settle(jobs: Sequence[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()
