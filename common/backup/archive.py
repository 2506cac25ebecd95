"""The form of a backup: a tar archive (POSIX.1-2001, pax) of a data folder, with the digests of its files.

`autolearn-backup.json` comes first and says what it is; then the files; then `SHA256SUMS`, as `sha256sum --check` reads
it, and `SHA256SUMS.seal`, an HMAC of those sums under the master key, which is not in the archive. Whoever lacks the
key can check for damage, and cannot make a backup that a restore would take.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from common import errors
from common.ports.blob_store import checked_name

FORMAT = 1
HEADER, SUMS, SEAL = "autolearn-backup.json", "SHA256SUMS", "SHA256SUMS.seal"
RECORDS, EVENTS, JOURNAL, BLOBS = "records.db", "events.db", "journal", "blobs"
STAGING = "staging"
"""The folder inside a data folder in which backups on their way out, and restores on their way in, lie."""
Seal = Callable[[bytes], str]
"""The HMAC of a text under the master key."""
_PIECE = 2**20
_SMALL = 64 * 1024
_SEGMENT = re.compile(rf"{JOURNAL}/[0-9]{{8,20}}\.journal")


class Header(BaseModel):
    """What a backup says of itself; `key` is the same for all backups under one master key and tells nothing of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    version: str
    layout: int
    created: str
    key: str


@dataclass(frozen=True)
class Contents:
    """What was read: the header, how many files, and their bytes."""

    header: Header
    files: int
    size: int


def key_mark(seal: Seal) -> str:
    """What tells backups under one master key from those under another."""
    return seal(b"key")


def packed(folder: Path, seal: Seal) -> Generator[bytes, None, None]:
    """The archive of everything in `folder`, which holds a header, in pieces of at most 1 MiB."""
    with tempfile.TemporaryFile(dir=folder.parent) as sums:
        told = hashlib.sha256()
        for path in _files(folder):
            name, digest = str(path.relative_to(folder)), hashlib.sha256()
            with path.open("rb") as file:
                yield from _member(name, file, digest.update)
            line = _line(digest.hexdigest(), name)
            told.update(line)
            sums.write(line)
        sums.seek(0)
        yield from _member(SUMS, sums)
        with tempfile.TemporaryFile(dir=folder.parent) as last:
            last.write(seal(told.digest()).encode() + b"\n")
            last.seek(0)
            yield from _member(SEAL, last)
    yield bytes(2 * tarfile.BLOCKSIZE)


def header_of(path: Path) -> Header:
    """What the archive says of itself. Raises `errors.BadData` for a file that is none, or of a newer program."""
    with _opened(path) as archive:
        member = archive.next()
        if member is None or member.name != HEADER or not member.isreg():
            raise errors.BadData(f"{path} is no backup of AutoLearn")
        try:
            header = Header.model_validate_json(_small(archive, member))
        except ValidationError as error:
            raise errors.BadData(f"{path} is no backup of AutoLearn: its {HEADER} cannot be read") from error
    if header.format != FORMAT:
        raise errors.BadData(f"{path} was written by AutoLearn {header.version} in another format; use that version")
    return header


def read(path: Path, seal: Seal, into: Path | None = None) -> Contents:
    """Check the whole archive, and with `into` write its files below that folder.

    Raises `errors.IntegrityError` that names what is damaged or missing, `errors.BadData` as `header_of`.
    """
    header = header_of(path)
    files, size, sums, sealed = 0, 0, b"", ""
    with _opened(path) as archive, tempfile.TemporaryFile() as lines:
        told = hashlib.sha256()
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # or the names of all files stay in memory
            if sums and member.name != SEAL:
                raise errors.IntegrityError(f"{path} is damaged: {member.name!r} comes behind its {SUMS}")
            if member.name == SEAL:
                sealed = _small(archive, member).decode("ascii", "replace").strip()
            elif member.name == SUMS:
                lines.seek(0)
                sums = _compared(path, _content(archive, member), lines)
            else:
                line = _line(_unpacked(archive, member, into), member.name)
                told.update(line)
                lines.write(line)
                files, size = files + 1, size + member.size
        if not sealed or sums != told.digest():
            raise errors.IntegrityError(f"{path} is cut off or damaged: it has no end; take the backup again")
        if sealed != seal(sums):
            raise errors.IntegrityError(
                f"{path} was changed after it was made, or made under another master key; nothing was restored"
            )
    return Contents(header, files, size)


def _files(folder: Path) -> Iterator[Path]:
    yield folder / HEADER
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if (path := Path(parent, name)) != folder / HEADER:
                yield path


def _member(name: str, file: BinaryIO, seen: Callable[[bytes], object] = lambda _: None) -> Iterator[bytes]:
    found = os.fstat(file.fileno())
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = found.st_size, int(found.st_mtime), 0o600
    yield info.tobuf(tarfile.PAX_FORMAT)
    left = info.size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise errors.IntegrityError(f"{name} became shorter while it was read")
        seen(piece)
        left -= len(piece)
        yield piece
    if padding := -info.size % tarfile.BLOCKSIZE:
        yield bytes(padding)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive, read strictly forward; what the library says of a broken one becomes ours."""
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError, ValueError, KeyError, OverflowError) as error:
        raise errors.IntegrityError(
            f"{path} is no backup, cut off or damaged ({error}); nothing was restored"
        ) from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        raise errors.IntegrityError(f"{member.name!r} is not a plain file")
    return file  # type: ignore[return-value]  # typed as IO[bytes]


def _small(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return _content(archive, member).read(_SMALL)


def _unpacked(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path | None) -> str:
    """The digest of a file, written below `into` if that is told."""
    target = _target(member.name)
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        file = None
        if into is not None:
            place = into / target
            _make(place.parent)
            mode = 0o400 if target.startswith(f"{BLOBS}/") else 0o600
            file = stack.enter_context(os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb"))
        source = _content(archive, member)
        while piece := source.read(_PIECE):
            digest.update(piece)
            if file is not None:
                file.write(piece)
    if into is not None:
        os.utime(into / target, (member.mtime, member.mtime))  # what nobody names is swept by its age
    return digest.hexdigest()


def _make(folder: Path) -> None:
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700)  # `parents=True` would leave those in between open to everybody


def _target(name: str) -> str:
    """The name itself if such a file belongs into a backup: nothing is ever written elsewhere."""
    if name in (HEADER, RECORDS, EVENTS) or _SEGMENT.fullmatch(name):
        return name
    folder, _, rest = name.partition("/")
    if folder == BLOBS:
        with contextlib.suppress(errors.Invalid):
            return f"{BLOBS}/{checked_name(rest)}"
    raise errors.IntegrityError(f"a backup has no file {name!r}")


def _line(digest: str, name: str) -> bytes:
    return f"{digest}  {name}\n".encode()


def _compared(path: Path, stored: BinaryIO, found: BinaryIO) -> bytes:
    """The digest of the stored sums. Raises `errors.IntegrityError` at the first line that was not found so."""
    digest = hashlib.sha256()
    for line in stored:
        digest.update(line)
        if found.readline() != line:
            name = line[66:].decode("utf-8", "replace").strip()
            raise errors.IntegrityError(f"{path} is damaged: {name} is not what was backed up; nothing was restored")
    return digest.digest()
