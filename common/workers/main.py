"""The command line of one role of one service: `python -m training_service rest | event | task`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvloop

from common import errors, logging
from common.settings import SERVICES, Settings
from common.workers import role

ROLES: tuple[role.Role, ...] = ("rest", "event", "task")
_ONE_PROCESS = {"": "SQLite", "sqlite": "SQLite", "local": "a bus inside one process", "file": "a folder"}
_LOG_LEVEL = "WARNING"


def main(service: str) -> None:
    """Run one role until a signal; exit codes as the command line's: 0 stopped, 2 usage, 5 refused in one line."""
    asked = next((one for one in ROLES if sys.argv[1:] == [one]), None)
    if asked is None:
        sys.exit(_said(f"usage: python -m {service}_service {' | '.join(ROLES)}", 2))
    logging.configure(os.environ.get("AUTOLEARN_TEST_LOG_LEVEL", _LOG_LEVEL))
    try:
        settings = Settings()
        if missing := next(_missing(settings), ""):
            sys.exit(_said(f"{service}_service: the {asked} role cannot run alone: {missing}", 5))
        uvloop.run(role.serve(service, asked, settings, lambda url: print(f"{service} {asked}: {url}", flush=True)))
    except errors.AutoLearnError as error:
        sys.exit(_said(f"{service}_service: {error.detail}", 2 if isinstance(error, errors.Invalid) else 5))


def _missing(settings: Settings) -> Iterator[str]:
    """What a process of many needs and does not have."""
    engines = {
        "record_store": settings.record_store,
        "event_log": settings.event_log,
        "message_bus": settings.message_bus,
        "blob_store": settings.blob_store,
    }
    for name, url in engines.items():
        if (alone := _ONE_PROCESS.get(urlsplit(url).scheme)) is not None:
            yield f"AUTOLEARN_{name.upper()} is {alone}; `autolearn up` starts all roles in one process"
    for name in SERVICES:
        if name not in settings.addresses:
            yield f"AUTOLEARN_{name.upper()}_URL says nothing, so the {name} service could not be reached"
    if settings.service_token is None:
        yield "AUTOLEARN_SERVICE_TOKEN is not set, by which services know each other"


def _said(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
