"""The blob store in a folder. Standard library only: obstore's local store never syncs, so a blob could be lost."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TypeVar

from common import errors, times
from common.ports.blob_store import BlobInfo, BlobStore, checked_name

Result = TypeVar("Result")

_PIECE = 1 << 20
_TRIES = 5
_UNFINISHED = ".unfinished-"
"""Begins the names of files in the making; no blob's name can begin with a dot."""


class FolderBlobStore(BlobStore):
    """`file:///path/of/folder`. A blob becomes visible by a hard link, which never replaces another."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open = False
        self._keepers = 0
        self._may_delete = asyncio.Event()
        self._may_delete.set()

    async def open(self) -> None:
        await _outside(self._prepare)
        await _outside(self._sweep)
        self._open = True

    async def close(self) -> None:
        self._open = False

    async def put_file(self, name: str, path: Path, *, move: bool = True) -> BlobInfo:
        target = self._target(name)
        return await _outside(lambda: self._adopt(name, target, path) if move else self._copy(name, target, path))

    async def put_bytes(self, name: str, data: bytes) -> BlobInfo:
        target = self._target(name)
        return await _outside(lambda: self._write(name, target, lambda file: file.write(data)))

    async def read(self, name: str) -> AsyncIterator[bytes]:
        target = self._target(name)
        opening = asyncio.ensure_future(_outside(lambda: _opened(name, target)))
        try:
            file = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        with file:
            while piece := await _outside(lambda: file.read(_PIECE)):
                yield piece

    async def get_bytes(self, name: str, max_size: int) -> bytes:
        target = self._target(name)

        def work() -> bytes:
            with _opened(name, target) as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_size:
                    raise errors.TooLarge(f"the blob {name} has {size} bytes, more than the {max_size} asked for")
                return file.read()

        return await _outside(work)

    @asynccontextmanager
    async def local_path(self, name: str) -> AsyncIterator[Path]:
        if await self.stat(name) is None:
            raise _absent(name)
        yield self._target(name)

    async def stat(self, name: str) -> BlobInfo | None:
        target = self._target(name)
        return await _outside(lambda: _info(name, target))

    async def delete(self, name: str) -> None:
        target = self._target(name)
        await self._may_delete.wait()
        await _outside(lambda: _remove(self._root, target))

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        self._keepers += 1
        self._may_delete.clear()
        try:
            yield
        finally:
            self._keepers -= 1
            if not self._keepers:
                self._may_delete.set()

    async def backup(self, target: Path) -> None:
        self._require_open()
        await _outside(lambda: _link_all(self._root, target))

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        self._require_open()
        folders = [self._target(prefix.rstrip("/")) if prefix else self._root]
        while folders:
            folder = folders.pop()
            infos, inner = await _outside(partial(_entries, self._root, folder))
            folders.extend(inner)
            for info in infos:
                yield info

    async def reach(self) -> None:
        self._require_open()
        await _outside(self._root.stat)

    async def check(self) -> dict[str, str | int]:
        self._require_open()

        def work() -> dict[str, str | int]:
            self._prepare()
            usage = shutil.disk_usage(self._root)
            return {"path": str(self._root), "free": usage.free}

        return await _outside(work)

    def _require_open(self) -> None:
        if not self._open:
            raise errors.Unavailable(f"the blob folder {self._root} is not open")

    def _target(self, name: str) -> Path:
        self._require_open()
        return self._root / checked_name(name)

    def _prepare(self) -> None:
        """Make the folder and see that it takes files."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = self._root / f"{_UNFINISHED}{token_hex(8)}"
        probe.touch(0o600)
        probe.unlink()

    def _sweep(self) -> None:
        """Remove what a killed process left half-written: one process writes to a folder."""
        for path in self._root.glob(f"{_UNFINISHED}*"):
            path.unlink(missing_ok=True)

    def _adopt(self, name: str, target: Path, source: Path) -> BlobInfo:
        if not source.is_file():
            raise errors.NotFound(f"there is no file {source} to store as {name}")
        try:
            _sync_file(source)
            info = _place(self._root, name, target, source)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            info = self._copy(name, target, source)
        source.unlink(missing_ok=True)
        return info

    def _copy(self, name: str, target: Path, source: Path) -> BlobInfo:
        try:
            with source.open("rb") as origin:
                return self._write(name, target, lambda file: shutil.copyfileobj(origin, file, _PIECE))
        except FileNotFoundError as error:
            raise errors.NotFound(f"there is no file {source} to store as {name}") from error

    def _write(self, name: str, target: Path, fill: Callable[[BinaryIO], object]) -> BlobInfo:
        unfinished = self._root / f"{_UNFINISHED}{token_hex(8)}"
        try:
            with unfinished.open("xb") as file:
                fill(file)
            _sync_file(unfinished)
            return _place(self._root, name, target, unfinished)
        finally:
            unfinished.unlink(missing_ok=True)


def _place(root: Path, name: str, target: Path, source: Path) -> BlobInfo:
    """Give a synced file its name, durably; or find that the same blob is there already."""
    for _ in range(_TRIES):
        _make_folders(root, target.parent)
        try:
            os.link(source, target)
        except FileNotFoundError:
            continue  # a delete has just removed the folder because it was empty
        except FileExistsError:
            _check_same(name, target, source)
        _sync_folder(target.parent)
        info = _info(name, target)
        if info is not None:
            return info
    raise errors.Unavailable(f"the blob {name} is being deleted while it is written; try again")


def _check_same(name: str, target: Path, source: Path) -> None:
    there = _info(name, target)
    if there is None and target.is_dir():
        raise errors.Conflict(f"{name} is a folder of blobs and cannot be a blob")
    if there is not None and there.size != source.stat().st_size:
        raise errors.Conflict(f"the blob {name} exists with {there.size} bytes; a blob is written once")


def _make_folders(root: Path, folder: Path) -> None:
    if folder != root and not folder.is_dir():
        _make_folders(root, folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _remove(root: Path, target: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        target.unlink()
        _sync_folder(target.parent)
    with suppress(OSError):  # the first folder that is not empty ends it
        for folder in target.parents:
            if folder == root:
                break
            folder.rmdir()


def _info(name: str, target: Path) -> BlobInfo | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        found = target.stat()
        if stat.S_ISREG(found.st_mode):
            modified = times.text(datetime.fromtimestamp(found.st_mtime, UTC))
            return BlobInfo(name, found.st_size, modified)
    return None


def _entries(root: Path, folder: Path) -> tuple[list[BlobInfo], list[Path]]:
    """The blobs in a folder and the folders in it."""
    blobs: list[BlobInfo] = []
    folders: list[Path] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif not entry.name.startswith(".") and (info := _info(str(path.relative_to(root)), path)):
                blobs.append(info)
    return blobs, folders


def _link_all(root: Path, target: Path) -> None:
    """Give every blob a second name below `target`; on another disk, a copy."""
    target.mkdir(mode=0o700)
    folders = [root]
    while folders:
        infos, inner = _entries(root, folders.pop())
        folders.extend(inner)
        for info in infos:
            source, place = root / info.name, target / info.name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.link(source, place)
            except FileNotFoundError:
                continue  # its deletion had begun: no record names it any more
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EMLINK):
                    raise
                shutil.copy2(source, place)


def _opened(name: str, target: Path) -> BinaryIO:
    try:
        file = target.open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise _absent(name) from error
    return file


def _close_opened(opening: asyncio.Future[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _absent(name: str) -> errors.NotFound:
    return errors.NotFound(f"there is no blob {name}")


def _sync_file(path: Path) -> None:
    """Make the content durable, and read-only: a blob never changes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(descriptor, 0o400)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _outside(work: Callable[[], Result]) -> Result:
    """Run blocking work outside the event loop; the one seam where the system's errors become ours."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        what = f"{error.filename or 'a blob'}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise errors.StorageFull(f"{what}; free some space and try again") from error
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST):
            raise errors.Conflict(f"{what}; a blob and a folder of blobs cannot share a name") from error
        raise errors.Unavailable(f"{what}; look at the folder's disk and permissions") from error
