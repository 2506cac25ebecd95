"""The command line of one role of one service: `python -m training_service rest | event | task`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from common import errors, logging
from common.settings import Settings
from common.workers.needs import missing

if TYPE_CHECKING:
    from common.service import Role

ROLES: tuple[Role, ...] = ("rest", "event", "task")
_LOG_LEVEL = "WARNING"


def main(service: str) -> None:
    """Run one role until a signal; exit codes as the command line's: 0 stopped, 2 usage, 5 refused in one line."""
    asked = next((one for one in ROLES if sys.argv[1:] == [one]), None)
    if asked is None:
        sys.exit(_said(f"usage: python -m {service}_service {' | '.join(ROLES)}", 2))
    logging.configure(os.environ.get("AUTOLEARN_TEST_LOG_LEVEL", _LOG_LEVEL))
    try:
        settings = Settings()
        for lacking in missing(settings):
            sys.exit(_said(f"{service}_service: the {asked} role cannot run alone: {lacking}", 5))
        # Not before: what is refused is refused at once.
        import uvloop

        from common.workers import role

        uvloop.run(role.serve(service, asked, settings, lambda url: print(f"{service} {asked}: {url}", flush=True)))
    except errors.AutoLearnError as error:
        sys.exit(_said(f"{service}_service: {error.detail}", 2 if isinstance(error, errors.Invalid) else 5))


def _said(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code
