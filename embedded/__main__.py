"""`python -m embedded [--port N] [--data DIR] [--host ADDRESS]`: what `autolearn up` starts."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvloop

from common import errors, logging
from common.announcement import announce, leave, withdrawn
from common.folder_lock import locked
from common.http import server
from common.settings import Settings
from embedded.checking import complaints
from embedded.initialising import initialise
from embedded.process import Platform, platform
from embedded.restoring import restored

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main() -> None:
    """Start the platform; exit codes: 0 stopped, 1 unexpected, 2 usage, 5 refused (busy folder, port, full disk)."""
    parser = argparse.ArgumentParser(prog="autolearn up", description=__doc__)
    parser.add_argument("--port", type=int, help="port to listen on; 0 picks a free one")
    parser.add_argument("--host", help="address to listen on (loopback unless told otherwise)")
    parser.add_argument("--data", help="folder that holds everything")
    parser.add_argument("--init", action="store_true", help="start nothing; make what the distributed mode needs")
    parser.add_argument("--check", action="store_true", help="start nothing; say what is wrong with the folder")
    parser.add_argument("--restore", metavar="FILE", help="start nothing; restore this backup into the folder")
    parser.add_argument("--key", metavar="FILE", help="the master key that the backup was made under")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    only_check, only_init = given.pop("check"), given.pop("init")
    backup, key = given.pop("restore", None), given.pop("key", None)
    logging.configure(os.environ.get("AUTOLEARN_TEST_LOG_LEVEL", "WARNING"))
    try:
        settings = Settings(**given)
        if only_check:
            found = uvloop.run(complaints(settings))
            print("\n".join(found), file=sys.stderr, end="\n" if found else "")
            sys.exit(5 if found else 0)
        if only_init:
            print("\n".join(uvloop.run(initialise(settings))))
            sys.exit(0)
        if backup is not None:
            print(restored(Path(backup), settings.data, Path(key or settings.data / "master.key")))
            sys.exit(0)
        uvloop.run(_serve(settings))
    except errors.AutoLearnError as error:
        print(f"autolearn: {error.detail}", file=sys.stderr)
        sys.exit(2 if isinstance(error, errors.Invalid) else 5)
    except ValueError as error:
        print(f"autolearn: {error}", file=sys.stderr)
        sys.exit(2)


async def _serve(settings: Settings) -> None:
    # Before the port: who starts it twice has one platform, and is not to choose another port for a second one.
    with locked(settings.data.expanduser().absolute()):
        pass
    with server.listening(settings.host, settings.port) as listener:
        url = server.url_of(listener)
        with withdrawn(settings.data):
            async with platform(settings) as running:
                await server.serve(
                    running.door,
                    listener,
                    started=lambda: _started(running, url, settings),
                    stopping=lambda: _stopping(running, url, settings),
                )


def _started(running: Platform, url: str, settings: Settings) -> None:
    announce(settings.data, url)
    print(f"AutoLearn listens on {url}", flush=True)
    print(f"data in {settings.data}; stop with Ctrl-C or `autolearn down`", flush=True)
    if settings.host not in _LOOPBACK:
        print(
            "warning: anyone who reaches this address can use it: there are no accounts yet",
            file=sys.stderr,
            flush=True,
        )
    running.loops.background()


def _stopping(running: Platform, url: str, settings: Settings) -> None:
    leave(settings.data, url)
    running.runtime.notifier.close()


if __name__ == "__main__":
    main()
