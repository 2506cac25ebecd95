"""`server.json` in the data folder of a process that listens: where it is, for clients of this user."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from common import logging

_log = logging.logger("announcement")


def announce(folder: Path, url: str) -> None:
    """Write down that this process listens at `url`."""
    _write(folder, {"url": url, "pid": os.getpid()})


def leave(folder: Path, url: str) -> None:
    """Write down that this process takes no more requests and is about to end."""
    try:
        _write(folder, {"url": url, "pid": os.getpid(), "stopping": True})
    except OSError as error:  # a full disk must not keep it from ending
        _log.warning("server.json not written", folder=str(folder), error=str(error))


def leaving(folder: Path) -> bool:
    """Whether the process that listened there has said that it is about to end."""
    try:
        return bool(json.loads((folder / "server.json").read_text()).get("stopping"))
    except (OSError, ValueError, AttributeError):
        return False


def _write(folder: Path, document: dict[str, object]) -> None:
    temporary = folder / "server.json.new"
    temporary.write_text(json.dumps(document))
    temporary.rename(folder / "server.json")


@contextlib.contextmanager
def withdrawn(folder: Path) -> Iterator[None]:
    """Remove it at the end if it is this process's: a start that was refused must not hide the one that runs."""
    try:
        yield
    finally:
        path = folder / "server.json"
        try:
            if json.loads(path.read_text())["pid"] == os.getpid():
                path.unlink()
        except (OSError, ValueError, LookupError):
            _log.debug("no server.json to remove", folder=str(folder))
