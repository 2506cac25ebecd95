"""Values that are too large for a sealed field: a blob of sealed frames, and a token that only names it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from common import errors
from common.ports.blob_store import BlobStore
from common.records.event import canonical
from common.records.frames import FrameWriter, open_bytes
from common.records.sealing import fits

_NAMED = "$blob"
VALUE_LIMIT = 64 * 2**20


async def write(blobs: BlobStore, name: str, content: bytes, key: bytes) -> None:
    """Store `content` as the blob `name`, sealed under the 32 bytes of `key`; the same blob again is a no-op."""
    await blobs.put_bytes(name, await asyncio.to_thread(_sealed, content, key, name))


async def read(blobs: BlobStore, name: str, key: bytes) -> bytes:
    """The content of a blob made by `write`. Raises `errors.IntegrityError` when it is not what was sealed."""
    async with named(blobs, name) as path:
        return await asyncio.to_thread(_opened, path, key, name)


@contextlib.asynccontextmanager
async def named(blobs: BlobStore, name: str) -> AsyncIterator[Path]:
    """The file of a blob that a record names, sealed or not.

    Raises `errors.IntegrityError` when it is not there: what is gone is damage, and no mistake of the person who asks.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            path = await stack.enter_async_context(blobs.local_path(name))
        except errors.NotFound as error:
            raise errors.IntegrityError(f"the blob {name} is gone; restore it from a backup") from error
        yield path


async def outsource(blobs: BlobStore, value: Any, name: str, key: bytes) -> Any:
    """`value` itself if it fits into a sealed field, else what names the blob that now holds it."""
    return value if fits(value) else await place(blobs, value, name, key)


async def place(blobs: BlobStore, value: Any, name: str, key: bytes) -> dict[str, str]:
    """Store `value` as the blob `name`, and give what names it in the place of the value."""
    await write(blobs, name, canonical(value), key)
    return {_NAMED: name}


async def fetch(blobs: BlobStore, value: Any, key: bytes) -> Any:
    """What `outsource` was given."""
    if isinstance(value, dict) and set(value) == {_NAMED}:
        return json.loads(await read(blobs, value[_NAMED], key))
    return value


def _sealed(content: bytes, key: bytes, name: str) -> bytes:
    target = io.BytesIO()
    writer = FrameWriter(target, key, name)
    writer.write(content)
    writer.close()
    return target.getvalue()


def _opened(path: Any, key: bytes, name: str) -> bytes:
    with open(path, "rb") as source:
        return open_bytes(source, key, name, max_size=VALUE_LIMIT)
