"""The blob store in a bucket of an S3-compatible server, through obstore.

A small blob is one conditional request (`If-None-Match: *`, RFC 9110 §13.1.2), so that of many writers one wins; a
large one is sent in parts after a look, because parts cannot be conditional: every attempt has names of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from common import errors, times
from common.ports.blob_store import BlobInfo, BlobStore, checked_name

Result = TypeVar("Result")

_WHOLE = 32 << 20
"""Bytes up to which a blob is one request."""
_RETRIES = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=5),
    "backoff": {"base": 2, "init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1)},
}
_CLIENT = {"connect_timeout": timedelta(seconds=2), "timeout": timedelta(seconds=30)}


class S3BlobStore(BlobStore):
    """`s3://BUCKET/PREFIX` with AWS's own environment variables, or `s3+http://KEY:SECRET@HOST:PORT/BUCKET/PREFIX`
    (`s3+https://…`) for any other server. The prefix may be left out; the bucket must be there."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        path = unquote(parts.path).strip("/")
        told: dict[str, Any] = {}
        if parts.scheme == "s3":
            bucket, prefix = parts.netloc, path
        else:
            bucket, _, prefix = path.partition("/")
            told = {
                "endpoint": f"{parts.scheme.removeprefix('s3+')}://{parts.hostname}:{parts.port or 443}",
                "access_key_id": unquote(parts.username or ""),
                "secret_access_key": unquote(parts.password or ""),
                "region": "us-east-1",
                "virtual_hosted_style_request": False,
            }
        if not bucket:
            raise errors.Invalid(
                f"{parts.scheme}: names no bucket; use s3://BUCKET or s3+http://KEY:SECRET@HOST:PORT/BUCKET"
            )
        self._where = f"{parts.hostname}/{bucket}" if told else bucket  # what may be shown: the URL holds a secret
        client = {**_CLIENT, "allow_http": parts.scheme == "s3+http"}
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=told,  # type: ignore[arg-type]  # a literal would be needed
            client_options=client,  # type: ignore[arg-type]
            retry_config=_RETRIES,  # type: ignore[arg-type]
        )
        self._open = False

    async def open(self) -> None:
        self._open = True
        try:
            await self.check()
        except BaseException:  # a cancellation too leaves it closed
            self._open = False
            raise

    async def close(self) -> None:
        self._open = False

    async def put_file(self, name: str, path: Path, *, move: bool = True) -> BlobInfo:
        self._named(name)
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError as error:
            raise errors.NotFound(f"there is no file {path} to store as {name}") from error
        if size <= _WHOLE:
            info = await self._put(name, await asyncio.to_thread(path.read_bytes))
        else:
            info = await self._put_parts(name, path, size)
        if move:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return info

    async def put_bytes(self, name: str, data: bytes) -> BlobInfo:
        self._named(name)
        return await self._put(name, data)

    async def _put(self, name: str, data: bytes) -> BlobInfo:
        with suppress(AlreadyExistsError):  # whether it is the same is looked at below
            await self._asked(obstore.put_async(self._store, name, data, mode="create", use_multipart=False))
        return await self._same(name, len(data))

    async def _put_parts(self, name: str, path: Path, size: int) -> BlobInfo:
        if await self.stat(name) is None:
            await self._asked(obstore.put_async(self._store, name, path, use_multipart=True, max_concurrency=4))
        return await self._same(name, size)

    async def _same(self, name: str, size: int) -> BlobInfo:
        info = await self.stat(name)
        if info is None:
            raise errors.Unavailable(f"the blob {name} is being deleted while it is written; try again")
        if info.size != size:
            raise errors.Conflict(f"the blob {name} exists with {info.size} bytes; a blob is written once")
        return info

    async def read(self, name: str) -> AsyncIterator[bytes]:
        self._named(name)
        found = await self._found(name)
        async for piece in found.stream(min_chunk_size=1 << 20):
            yield bytes(piece)

    async def get_bytes(self, name: str, max_size: int) -> bytes:
        self._named(name)
        found = await self._found(name)
        if found.meta["size"] > max_size:
            raise errors.TooLarge(f"the blob {name} has {found.meta['size']} bytes, more than the {max_size} asked for")
        return bytes(await self._asked(found.bytes_async()))

    @asynccontextmanager
    async def local_path(self, name: str) -> AsyncIterator[Path]:
        self._named(name)
        found = await self._found(name)
        with tempfile.TemporaryDirectory(prefix="autolearn-blob-") as folder:
            path = Path(folder) / "blob"
            with path.open("xb") as file:
                async for piece in found.stream(min_chunk_size=1 << 20):
                    await asyncio.to_thread(file.write, bytes(piece))
            yield path

    async def stat(self, name: str) -> BlobInfo | None:
        self._named(name)
        try:
            return _info(await self._asked(obstore.head_async(self._store, name)))
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> None:
        self._named(name)
        try:
            await self._asked(obstore.delete_async(self._store, name))
        except FileNotFoundError:
            return

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        self._require_open()
        folder = prefix.rstrip("/")
        pages = obstore.list(self._store, prefix=checked_name(folder) if folder else None).__aiter__()
        while True:
            try:
                page = await self._asked(pages.__anext__())
            except StopAsyncIteration:
                return
            for found in page:
                yield _info(found)

    async def reach(self) -> None:
        self._require_open()
        with suppress(StopAsyncIteration):  # a look for one blob would not tell a bucket that is not there
            await self._asked(obstore.list(self._store, prefix="reach").__aiter__().__anext__())

    async def check(self) -> dict[str, str | int]:
        self._require_open()
        probe = f"probe/{token_hex(8)}"
        await self.put_bytes(probe, b"")
        await self.delete(probe)
        return {"bucket": self._where}

    async def _found(self, name: str) -> obstore.GetResult:
        try:
            return await self._asked(obstore.get_async(self._store, name))
        except FileNotFoundError as error:
            raise errors.NotFound(f"there is no blob {name}") from error

    def _named(self, name: str) -> None:
        self._require_open()
        checked_name(name)

    def _require_open(self) -> None:
        if not self._open:
            raise errors.Unavailable(f"the blob store {self._where} is not open")

    async def _asked(self, call: Awaitable[Result]) -> Result:
        """The server's answer; what the driver raises becomes ours, except what callers distinguish."""
        try:
            return await call
        except (FileNotFoundError, BaseError) as error:
            if "<Code>NoSuchBucket" in str(error):
                why = f"there is no bucket {self._where}; make it with the tools of its server"
                raise errors.Unavailable(why) from error
            if isinstance(error, (FileNotFoundError, AlreadyExistsError)):
                raise
            raise errors.Unavailable(f"the blob store {self._where} does not answer: {type(error).__name__}") from error


def _info(meta: obstore.ObjectMeta) -> BlobInfo:
    return BlobInfo(meta["path"], meta["size"], times.text(meta["last_modified"].astimezone(UTC)))
