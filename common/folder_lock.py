"""The lock of a data folder: one process has it, and it goes with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from common import announcement, errors


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if it is not there, and have it alone.

    Raises `errors.Conflict` when another process has it, `errors.Unavailable` when it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("a+")
    except OSError as error:
        raise errors.Unavailable(
            f"the data folder {folder} cannot be written: {error.strerror}; choose another with --data"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            hint = "`autolearn status` shows it, `autolearn down` stops it"
            if announcement.leaving(folder):
                hint = "it is stopping already; `autolearn down` waits for its end"
            raise errors.Conflict(f"{folder} is in use by process {holder}; {hint}") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
