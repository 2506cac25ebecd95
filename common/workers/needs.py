"""What processes of the distributed mode need to be told, since they share nothing but engines."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from common.settings import SERVICES, Settings

_UNTOLD = {"record_store": "sqlite", "event_log": "sqlite", "message_bus": "local", "blob_store": "file"}
"""The scheme of each engine that no URL names."""
_ONE_PROCESS = {"sqlite": "SQLite", "local": "a bus inside one process", "file": "a folder"}


def missing_engines(settings: Settings) -> Iterator[str]:
    """A line for every engine that only one process could use."""
    for name, untold in _UNTOLD.items():
        if alone := _ONE_PROCESS.get(urlsplit(getattr(settings, name)).scheme or untold):
            yield f"AUTOLEARN_{name.upper()} is {alone}; `autolearn up` starts all roles in one process"


def missing(settings: Settings) -> Iterator[str]:
    """A line for everything that a role alone in its process lacks."""
    yield from missing_engines(settings)
    for name in SERVICES:
        if name not in settings.addresses:
            yield f"AUTOLEARN_{name.upper()}_URL says nothing, so the {name} service could not be reached"
    if settings.service_token is None:
        yield "AUTOLEARN_SERVICE_TOKEN is not set, by which services know each other"
