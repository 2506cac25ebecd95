"""Taking a backup while the platform runs.

State is the fold of the events in the log and of those that wait in outboxes, and records name blobs. So: while no
event is shipped and no blob deleted, the moment of the copies of records and of log is fixed and every blob gets a
second name; that takes moments. The copying and sending that follow hold nobody up. The journal is copied before: what
the log has not yet got at its moment is in there.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common import errors, ids, logging, times
from common.backup import archive
from common.backup.archive import Header
from common.records import installation

if TYPE_CHECKING:
    from common.runtime import Runtime

_ENGINES = (
    ("record_store", "records", "sqlite", "mongodump"),
    ("event_log", "events", "sqlite", "MirrorMaker"),
    ("blob_store", "blobs", "file", "the bucket's replication"),
)
_log = logging.logger("backup")


class Backups:
    """Backups of one platform, one at a time; copies on their way out lie in `staging`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._staging = runtime.settings.data / archive.STAGING
        self._busy = False

    async def start(self) -> None:
        """Remove what a backup or a restore that was killed has left."""
        await asyncio.to_thread(shutil.rmtree, self._staging, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """A backup of now: the bytes of its archive.

        Raises `errors.Conflict` while another is taken, and where engines hold the data; `errors.StorageFull` when
        there is no room for a copy of records and log.
        """
        self._refuse_engines()
        if self._busy:
            raise errors.Conflict("a backup is being taken already; wait until it is done")
        self._busy = True
        folder = self._staging / ids.new_id("bkp")
        try:
            await self._copy(folder)
            pieces = self._pieces(folder)
            async with contextlib.aclosing(pieces):
                yield pieces
        finally:
            self._busy = False
            # Not to be cancelled: the copies may be large.
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._staging, ignore_errors=True))

    def seal(self, text: bytes) -> str:
        """The HMAC of a text under the master key."""
        return self._runtime.keyring.fingerprint("backup", text)

    async def _copy(self, folder: Path) -> None:
        runtime = self._runtime
        room = shutil.disk_usage(runtime.settings.data).free
        needed = sum([int((await port.check()).get("size", 0)) for port in (runtime.store, runtime.log)])
        if room < needed:
            raise errors.StorageFull(f"a backup needs {needed} bytes beside the data for a moment; {room} are free")
        await asyncio.to_thread(self._staging.mkdir, mode=0o700, exist_ok=True)
        await asyncio.to_thread(folder.mkdir, mode=0o700)
        header = Header(
            format=archive.FORMAT,
            version=version("autolearn"),
            layout=installation.LAYOUT,
            created=times.now(),
            key=archive.key_mark(self.seal),
        )
        await asyncio.to_thread((folder / archive.HEADER).write_text, header.model_dump_json() + "\n")
        await runtime.journal.backup(folder / archive.JOURNAL)
        try:
            async with asyncio.TaskGroup() as copies:
                await self._one_moment(folder, copies)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        _log.info("backup copied", backup=folder.name)

    async def _one_moment(self, folder: Path, copies: asyncio.TaskGroup) -> None:
        """Begin the copies of records and log as they are at one moment, and keep the blobs of that moment."""
        runtime = self._runtime
        fixed = [asyncio.Event(), asyncio.Event()]
        async with runtime.blobs.keeping():
            async with runtime.relay.held() if runtime.relay else contextlib.nullcontext():
                copies.create_task(runtime.store.backup(folder / archive.RECORDS, fixed[0]))
                copies.create_task(runtime.log.backup(folder / archive.EVENTS, fixed[1]))
                for moment in fixed:
                    await moment.wait()
            await runtime.blobs.backup(folder / archive.BLOBS)

    async def _pieces(self, folder: Path) -> AsyncGenerator[bytes, None]:
        pieces = archive.packed(folder, self.seal)
        try:
            while True:
                reading = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
                try:
                    piece = await asyncio.shield(reading)
                except asyncio.CancelledError:
                    await asyncio.wait([reading])  # or it would be closed while it reads
                    raise
                if not piece:
                    break
                yield piece
        finally:
            pieces.close()

    def _refuse_engines(self) -> None:
        found = [
            f"{what} in {urlsplit(url).scheme}: ({tool})"
            for setting, what, own, tool in _ENGINES
            if (url := getattr(self._runtime.settings, setting)) and urlsplit(url).scheme != own
        ]
        if found:
            raise errors.Conflict(
                "engines hold what this platform knows; stop it and use their tools: " + ", ".join(found)
            )
