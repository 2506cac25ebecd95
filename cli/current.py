"""The current session: remembered for each server between calls."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from autolearn import finding

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from cli.invocation import Invocation


def remembered(run: Invocation) -> str | None:
    """The id of the session in use with this server, if any."""
    return _read().get(_key(run))


def remember(run: Invocation, session: str | None) -> None:
    """Use `session` from now on with this server; None forgets."""
    known = _read()
    if session is None:
        known.pop(_key(run), None)
    else:
        known[_key(run)] = session
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced in one step: two commands at once must not leave half a file.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".sessions.")
    with os.fdopen(handle, "w") as file:
        json.dump(known, file, indent=1)
    os.replace(temporary, path)


def forget(run: Invocation, session: str) -> None:
    """Stop using `session`, if it is the one in use."""
    if remembered(run) == session:
        remember(run, None)


def told(run: Invocation, session: str | None) -> str | None:
    """The session by option, environment or memory, in this order."""
    return session or os.environ.get("AUTOLEARN_SESSION") or remembered(run)


@contextlib.asynccontextmanager
async def needed(run: Invocation, client: Client, session: str | None) -> AsyncIterator[str]:
    """The session for new jobs: as `told`, if it has not ended; else a new one, remembered and announced.

    A new one that has no job at the end, because all were refused, is discarded.
    """
    from common import errors

    there = session or os.environ.get("AUTOLEARN_SESSION") or await _still_open(run, client)
    if there:
        yield there
        return
    opened = await client.sessions.open()
    remember(run, opened.id)
    run.out.note(f"opened session {opened.name} ({opened.id})")
    try:
        yield opened.id
    finally:
        with contextlib.suppress(errors.AutoLearnError):  # an empty session does no harm, and expires
            now = await client.sessions.show(opened.id)
            if not now.records and not now.open_jobs:
                await client.sessions.discard(opened.id)
                forget(run, opened.id)
                run.out.note(f"discarded session {opened.name}: nothing was accepted")


async def _still_open(run: Invocation, client: Client) -> str | None:
    from common import errors

    if known := remembered(run):
        with contextlib.suppress(errors.NotFound, errors.Gone):
            if not (await client.sessions.show(known)).state.closed:
                return known
    return None


def _key(run: Invocation) -> str:
    place = run.place()
    return place.found_by if place.found_by.startswith("profile ") else place.url


def _path() -> Path:
    return finding.state_folder() / "sessions.json"


def _read() -> dict[str, str]:
    try:
        known = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(session) for key, session in known.items()} if isinstance(known, dict) else {}
