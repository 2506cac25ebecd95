"""Files in and out: read in chunks, written beside their place and moved there when complete."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from common import errors

CHUNK = 256 * 1024


async def chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """The bytes of an open file from where it stands; reads on a thread, for a pipe may take its time."""
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


async def file_chunks(path: Path) -> AsyncIterator[bytes]:
    """The bytes of the file at `path`."""
    with await asyncio.to_thread(path.open, "rb") as file:
        async for chunk in chunks(file):
            yield chunk


async def counted(source: AsyncIterator[bytes], tell: Callable[[int], None]) -> AsyncIterator[bytes]:
    """The same stream; `tell` hears how many bytes of it have been taken."""
    done = 0
    tell(done)
    async for chunk in source:
        yield chunk
        done += len(chunk)
        tell(done)


async def single(content: bytes) -> AsyncIterator[bytes]:
    """Bytes at hand, as a stream."""
    yield content


async def save(source: AsyncIterator[bytes], path: Path, *, digest: str | None = None, private: bool = False) -> Path:
    """Write a stream to `path` in one step, checked against `digest` (`sha256:…`) if that is known.

    With `private` only its owner may read it, and it is on the disk when this returns. Nobody ever sees half a file
    there; `errors.IntegrityError` if what came is not what was announced.
    """
    seen = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in source:
                seen.update(chunk)
                await asyncio.to_thread(file.write, chunk)
            if private:
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        if digest and digest.startswith("sha256:") and digest != f"sha256:{seen.hexdigest()}":
            raise errors.IntegrityError(f"what was downloaded for {path} is not what was stored (expected {digest})")
        if not private:
            os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return path


async def copy(source: AsyncIterator[bytes], file: BinaryIO) -> None:
    """Write a stream to an open file, such as standard output."""
    async for chunk in source:
        await asyncio.to_thread(file.write, chunk)
    await asyncio.to_thread(file.flush)


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
