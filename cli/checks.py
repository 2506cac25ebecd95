"""What `autolearn doctor` looks at."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autolearn import finding
from cli import server
from cli.invocation import Invocation
from cli.render import size
from common import errors

ROOM = 500 * 1024 * 1024  # bytes that should be free in the data folder
PACKAGES = (
    "autolearn",
    "pydantic",
    "httpx",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "skops",
    "fastapi",
    "uvicorn",
    "apsw",
)


@dataclass(frozen=True)
class Check:
    """One thing looked at, whether it is as it should be, and what was found (and what to do, if not)."""

    name: str
    ok: bool
    found: str


def installed(package: str) -> str | None:
    """The version of an installed package; None if it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


async def all_checks(run: Invocation) -> list[Check]:
    """Every check, in the order in which one would look."""
    folder = finding.data_folder()
    found = [_python(), _packages(), _folder(folder), _room(folder), _clock(), *await _server(run)]
    # A server that runs answers for its folder itself; and one that will not start cannot.
    return found if found[-1].name != "server" else [*found, _data(folder)]


def _python() -> Check:
    return Check("python", sys.version_info >= (3, 11), f"{platform.python_version()} ({sys.executable})")


def _packages() -> Check:
    versions = {package: installed(package) for package in PACKAGES}
    absent = [package for package, version in versions.items() if version is None]
    if absent:
        return Check("packages", False, f"not installed: {', '.join(absent)}; install autolearn again")
    return Check("packages", True, ", ".join(f"{package} {version}" for package, version in versions.items()))


def _folder(folder: Path) -> Check:
    nearest = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        return Check("data folder", False, f"{folder}: cannot be written to ({error.strerror}); see AUTOLEARN_DATA")
    if folder.exists() and folder.stat().st_mode & 0o022:
        return Check("data folder", False, f"{folder}: others may write to it; `chmod 700` it")
    return Check("data folder", True, str(folder) + ("" if folder.exists() else " (not there yet)"))


def _room(folder: Path) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free
    return Check(
        "free space",
        free >= ROOM,
        f"{size(free)}" + ("" if free >= ROOM else f"; at least {size(ROOM)} is wise"),
    )


def _clock() -> Check:
    # Ids and times of events come from it; a machine whose clock was never set starts in the past.
    year = time.gmtime().tm_year
    return Check("clock", 2026 <= year < 2100, time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()))


def _data(folder: Path) -> Check:
    if not (folder / "records.db").exists():
        return Check("data", True, "none yet")
    command = [*server.arguments(None, folder, None), "--check"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603 - our own module
    return Check("data", done.returncode == 0, "; ".join(done.stderr.splitlines()) or "no damage found")


async def _server(run: Invocation) -> list[Check]:
    try:
        async with run.client() as client:
            info = await client.info()
            ready = await client.readiness()
    except errors.AutoLearnError as error:
        return [Check("server", False, error.detail)]
    ours = installed("autolearn")
    same = Check("versions", info.version == ours, f"client {ours}, server {info.version}")
    state = "ready" if ready.ready else f"not ready: {', '.join(ready.degraded) or 'see its log'}"
    return [Check("server", True, f"{client.url} {info.mode}"), Check("stores", ready.ready, state), same]


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder if os.path.isdir(folder) else folder.parent
