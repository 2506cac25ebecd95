"""Work folders: one per task, private, under one root that is emptied at start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

OUTPUTS = "outputs"


def empty(root: Path) -> None:
    """Make the root, private, and remove what an earlier run left in it."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    root.chmod(0o700)
    for left in root.iterdir():
        remove(left)


def make(folder: Path) -> None:
    """Make the work folder of one task."""
    folder.mkdir(mode=0o700)
    (folder / OUTPUTS).mkdir()


def remove(path: Path) -> None:
    """Remove a file, link or folder, whatever rights a task has taken from its folders. Idempotent."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(0o700)  # before the walk enters it
    shutil.rmtree(path, ignore_errors=True)
