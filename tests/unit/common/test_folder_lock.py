"""A data folder belongs to one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common import errors
from common.folder_lock import locked


def test_a_folder_belongs_to_one_process_and_the_refusal_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with locked(folder), pytest.raises(errors.Conflict, match=f"in use by process {os.getpid()}"), locked(folder):
        raise AssertionError("unreachable")
    with locked(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.Unavailable, match="choose another with --data"), locked(tmp_path / "file" / "folder"):
        raise AssertionError("unreachable")
