"""The command line of one role of one service: `python -m training_service rest | event | task`."""

from __future__ import annotations

import sys

from common import errors
from common.settings import Settings

ROLES = ("rest", "event", "task")


def main(service: str) -> None:
    """Start one role, or say in one line why that cannot be; exit codes as the command line's: 2 usage, 5 refused."""
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in ROLES:
        sys.exit(_said(f"usage: python -m {service}_service {' | '.join(ROLES)}", 2))
    try:
        settings = Settings()
    except errors.Invalid as error:
        sys.exit(_said(f"{service}_service: {error.detail}", 2))
    urls = (settings.record_store, settings.event_log, settings.message_bus)
    if any(not url or url.startswith(("sqlite:", "local:")) for url in urls):
        # One process per SQLite file: a second writer would have to be another adapter, not another process.
        sys.exit(
            _said(
                f"{service}_service: the {role} role cannot run alone on SQLite; `autolearn up` starts all of them",
                5,
            )
        )
    sys.exit(_said(f"{service}_service: this version has no adapters for these engines; `autolearn up` starts all", 5))


def _said(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
