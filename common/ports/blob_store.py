"""Port: the blob store, files that are written once, read as streams, and named by the program."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from common import errors
from common.ports.port import Port

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*(/[a-z0-9_][a-z0-9_.-]*)*")


@dataclass(frozen=True)
class BlobInfo:
    """A blob's name, its size in bytes and the moment it was written (RFC 3339 UTC)."""

    name: str
    size: int
    modified: str


def checked_name(name: str) -> str:
    """The name itself if it may be one: parts of `a-z 0-9 _ . -` between slashes, none beginning with a dot or dash.

    `errors.Invalid` otherwise; names are the program's own, so this is the last line, not the first.
    """
    if len(name) > 500 or not _NAME.fullmatch(name):
        raise errors.Invalid(f"{name!r} is not the name of a blob: use parts of a-z 0-9 _ . - between slashes")
    return name


class BlobStore(Port):
    """Write-once files. A blob is there wholly or not at all, and durable when the call returns.

    A name cannot be a blob and the folder of others at once. Any method raises `errors.Invalid` for a bad name
    (`checked_name`). Writes may raise `errors.StorageFull` and `errors.Unavailable`, and then have changed nothing.
    """

    @abstractmethod
    async def put_file(self, name: str, path: Path, *, move: bool = True) -> BlobInfo:
        """Store a file; with `move` the source is gone afterwards (also when the blob was there already).

        Create-only: a blob of the same name and size counts as the same and stays (so a repeat is harmless), of another
        size is `errors.Conflict`. `errors.NotFound` if there is no such file.
        """

    @abstractmethod
    async def put_bytes(self, name: str, data: bytes) -> BlobInfo:
        """Store bytes, which may be empty; create-only as `put_file`."""

    @abstractmethod
    def read(self, name: str) -> AsyncIterator[bytes]:
        """The content in pieces of at most a few MiB; none for an empty blob. `errors.NotFound` at the first piece."""

    @abstractmethod
    async def get_bytes(self, name: str, max_size: int) -> bytes:
        """The whole content. `errors.NotFound`; `errors.TooLarge`, before reading it, if over `max_size` bytes."""

    @abstractmethod
    def local_path(self, name: str) -> AbstractAsyncContextManager[Path]:
        """The content as a file to read, never to change: the blob itself, or a copy that is removed on leaving.

        `errors.NotFound` on entering.
        """

    @abstractmethod
    async def stat(self, name: str) -> BlobInfo | None:
        """What is known of the blob, or None."""

    @abstractmethod
    async def delete(self, name: str) -> None:
        """Remove the blob. Idempotent."""

    @abstractmethod
    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Every blob below the folder `prefix` (`training/trn_1/`), or every one; in any order."""

    def keeping(self) -> AbstractAsyncContextManager[None]:
        """Within it no deletion begins: whoever wants one waits. For moments, not for hours. Errors as `backup`."""
        raise errors.Conflict("back the blobs up with the tools of their engine")

    async def backup(self, target: Path) -> None:
        """Put every blob that is there into a new folder, as a file of its name; a link where that is possible.

        `errors.Conflict` where the engine brings its own tools.
        """
        raise errors.Conflict(f"{target} was not written: back the blobs up with the tools of their engine")

    @abstractmethod
    async def reach(self) -> None:
        """Ask for any answer and write nothing; `errors.Unavailable` if the store is away."""

    @abstractmethod
    async def check(self) -> dict[str, str | int]:
        """Facts for the doctor; `errors.Unavailable` if the store cannot be reached or written."""
