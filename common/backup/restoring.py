"""Restoring a backup into an empty folder: all of it, or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from common import errors
from common.backup import archive
from common.backup.archive import STAGING, Contents, Seal
from common.folder_lock import locked

KEY = "master.key"
_ORDER = (archive.EVENTS, archive.RECORDS, archive.JOURNAL, archive.BLOBS, KEY)
"""How they come to their places. The key last: a log without a key is refused at the start, whatever else is there."""


def restore(path: Path, data: Path, key: Path, seal: Seal) -> Contents:
    """Restore the archive into `data` with the master key of the file `key`, whose HMAC is `seal`.

    The whole archive is checked before anything is written. Raises `errors.Conflict` unless the folder is empty or not
    there, `errors.IntegrityError` and `errors.BadData` as `archive.read`, `errors.StorageFull`, `errors.Unavailable`.
    """
    _require_empty(data)
    with _translated():
        if archive.header_of(path).key != archive.key_mark(seal):
            raise errors.Conflict(f"{path} was made under another master key than {key}; name the right one with --key")
        archive.read(path, seal)
        new = not data.exists()
        try:
            with locked(data):
                _require_empty(data)
                try:
                    contents = _unpack(path, data, key, seal)
                finally:
                    shutil.rmtree(data / STAGING, ignore_errors=True)
        except BaseException:  # an interrupt too: half a restore must leave nothing
            for name in _ORDER:  # the folder was empty: whatever is there was moved in just now
                _remove(data / name)
            (data / "lock").unlink(missing_ok=True)
            if new:
                with contextlib.suppress(OSError):  # somebody else's file is in it
                    data.rmdir()
            raise
    return contents


def _unpack(path: Path, data: Path, key: Path, seal: Seal) -> Contents:
    staging = data / STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of a restore that was killed
    staging.mkdir(mode=0o700)
    contents = archive.read(path, seal, staging)
    (staging / archive.HEADER).unlink()
    with os.fdopen(os.open(staging / KEY, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(key.read_bytes())
    os.sync()  # once for all: a call for each of many thousand blobs takes minutes
    for name in _ORDER:
        if (staging / name).exists():
            os.rename(staging / name, data / name)
    os.sync()
    return contents


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _require_empty(data: Path) -> None:
    try:
        found = sorted({entry.name for entry in data.iterdir()} - {"lock", STAGING})
    except FileNotFoundError:
        return
    except OSError as error:
        raise errors.Unavailable(f"{data} cannot be restored to: {error.strerror}") from error
    if found:
        raise errors.Conflict(f"{data} is not empty ({found[0]} is there); restore into a folder of its own")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise errors.NotFound(f"there is no {error.filename}") from error
    except OSError as error:
        kind = errors.StorageFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else errors.Unavailable
        raise kind(f"{error.filename or 'the disk'}: {error.strerror}; nothing was restored") from error
