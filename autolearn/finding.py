"""Where the server is: argument, environment, profile, the data folder's `server.json`, default (in this
order)."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolearn.failures import Unreachable
from common import errors

DEFAULT_URL = "http://127.0.0.1:8470"


@dataclass(frozen=True)
class Place:
    """A server's address, the token to show it (None: none), and what said so."""

    url: str
    token: str | None
    found_by: str


@dataclass(frozen=True)
class RunningServer:
    """What a server started by `autolearn up` writes to its data folder: its address and process id.

    `stopping`: it takes no more requests, lets what runs end, and is gone in a moment.
    """

    url: str
    pid: int
    stopping: bool = False


def _xdg(variable: str, *default: str) -> Path:
    # The XDG specification says that relative paths are to be ignored.
    told = os.environ.get(variable, "")
    base = Path(told) if told.startswith("/") else Path.home().joinpath(*default)
    return base / "autolearn"


def config_folder() -> Path:
    """Where profiles are kept."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """Where the command line keeps what it remembers between calls."""
    return _xdg("XDG_STATE_HOME", ".local", "state")


def data_folder() -> Path:
    """The data folder of a server on this machine: `AUTOLEARN_DATA`, else the XDG data home."""
    told = os.environ.get("AUTOLEARN_DATA")
    return Path(told).expanduser() if told else _xdg("XDG_DATA_HOME", ".local", "share")


def running_server(folder: Path | None = None) -> RunningServer | None:
    """The server that serves `folder`, as its `server.json` says.

    None if there is no such file or it is half written.
    """
    try:
        said = json.loads(((folder or data_folder()) / "server.json").read_bytes())
        pid = int(said["pid"])
        return RunningServer(str(said["url"]), pid, bool(said.get("stopping")) and _alive(pid))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and somebody else's
        return True
    return True


def profile(name: str) -> dict[str, Any]:
    """The table of profile `name` in `profiles.toml` (keys `url`, `token`).

    `errors.BadRequest` if it cannot be read.
    """
    path = config_folder() / "profiles.toml"
    try:
        profiles = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        profiles = {}
    except (OSError, ValueError) as error:
        raise errors.BadRequest(f"{path} cannot be read: {error}") from error
    found = profiles.get(name)
    if not isinstance(found, dict):
        known = ", ".join(sorted(profiles)) or "none"
        raise errors.BadRequest(f"there is no profile {name!r} in {path} (there are: {known})")
    return found


def find(url: str | None = None, token: str | None = None, profile_name: str | None = None) -> Place:
    """Find the server.

    `profile_name` given wins over `AUTOLEARN_URL`, a profile named by the environment does not. Raises `Unreachable`
    when `AUTOLEARN_DATA` names a folder without a server: another platform must not answer for it.
    """
    token = token or os.environ.get("AUTOLEARN_TOKEN") or None
    if url:
        return _place(url, token, "argument")
    if profile_name is None and (told := os.environ.get("AUTOLEARN_URL")):
        return _place(told, token, "AUTOLEARN_URL")
    if name := profile_name or os.environ.get("AUTOLEARN_PROFILE"):
        table = profile(name)
        if told := table.get("url"):
            return _place(str(told), token or table.get("token"), f"profile {name}")
    if server := running_server():
        return _place(server.url, token, "data folder")
    if named := os.environ.get("AUTOLEARN_DATA"):
        raise Unreachable(f"no server runs on {named} (AUTOLEARN_DATA); start one with `autolearn up`")
    return _place(DEFAULT_URL, token, "default")


def _place(url: str, token: str | None, found_by: str) -> Place:
    if "://" not in url:
        url = f"http://{url}"
    if not url.startswith(("http://", "https://")):
        raise errors.BadRequest(f"{url!r} is not an HTTP address (from {found_by})")
    return Place(url.rstrip("/"), token, found_by)
