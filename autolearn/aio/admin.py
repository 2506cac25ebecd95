"""What those need who run the platform."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from autolearn import files
from autolearn.transport import Transport
from common import errors

_NAMED = re.compile(r'filename="([A-Za-z0-9_-][A-Za-z0-9._-]*)"')


class Admin:
    """`c.admin`: a backup of the running platform."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def backup(self, path: str | os.PathLike[str]) -> Path:
        """Save a backup of this moment as the new file `path`, or below the folder `path` under a name of its moment.

        Only its owner may read the file. The master key is not in it. Raises `errors.Conflict` if the file exists.
        """
        target = await asyncio.to_thread(_target, Path(path), "")
        async with self._transport.stream("/v1/admin/backup") as answer:
            named = _NAMED.search(answer.headers.get("Content-Disposition", ""))
            target = await asyncio.to_thread(_target, target, named.group(1) if named else "autolearn-backup.tar")
            return await files.save(answer.aiter_bytes(), target, private=True)


def _target(path: Path, name: str) -> Path:
    """The file to write: `path`, or `name` below it if it is a folder and a name is known."""
    if path.is_dir():
        path /= name
    if path.exists() and not path.is_dir():
        raise errors.Conflict(f"{path} exists already; a backup never overwrites")
    return path
