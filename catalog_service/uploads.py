"""Uploaded files on their way to a table: streamed to disk under a name of ours, bounded, and gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from common import errors, ids

_PIECE = 1 << 20
_WAITING = 64
"""Uploads at once; each may hold a file of the largest size."""


@dataclass(frozen=True)
class Received:
    """A file that has arrived whole: where it is until its block ends, its SHA-256 and its size in bytes."""

    path: Path
    digest: str
    size: int


class Uploads:
    """The folder in which files arrive."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """`limit` is the largest file, in bytes."""
        self._folder, self._limit = folder, limit
        self._open = 0

    async def start(self) -> None:
        """Make the folder, empty: what a killed process left has no owner."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        await asyncio.to_thread(self._folder.mkdir, 0o700, True, True)

    @contextlib.asynccontextmanager
    async def receive(self, body: AsyncIterator[bytes]) -> AsyncIterator[Received]:
        """The file of `body`, which is removed when the block ends, however it ends.

        Raises `errors.TooLarge` over the limit, `errors.StorageFull`, `errors.TooManyRequests` when too many arrive.
        """
        if self._open >= _WAITING:
            raise errors.TooManyRequests(f"{_WAITING} uploads are on their way already", retry_after=5)
        self._open += 1
        path = self._folder / ids.new_id("upload")
        try:
            yield await self._written(path, body)
        finally:
            self._open -= 1
            # Not awaited: a cancelled request must not skip it.
            path.unlink(missing_ok=True)

    async def _written(self, path: Path, body: AsyncIterator[bytes]) -> Received:
        digest, size = hashlib.sha256(), 0
        buffer = bytearray()

        def write(piece: bytes) -> None:
            digest.update(piece)
            try:
                file.write(piece)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise errors.StorageFull("the disk is full; the file was not kept") from error
                raise

        # Unbuffered: a failing write must fail here and not again at closing.
        with path.open("xb", buffering=0) as file:
            async for chunk in body:
                size += len(chunk)
                if size > self._limit:
                    raise errors.TooLarge(f"the file is larger than {self._limit} bytes, the most that is accepted")
                buffer += chunk
                if len(buffer) >= _PIECE:
                    await asyncio.to_thread(write, bytes(buffer))
                    buffer.clear()
            await asyncio.to_thread(write, bytes(buffer))
        return Received(path, f"sha256:{digest.hexdigest()}", size)
