"""The console script `autolearn`."""

from __future__ import annotations

import gc
import sys

_RARELY = (50_000, 20, 50)


def main() -> None:
    """Run the command that the process's arguments name, and exit with its code."""
    # A command loads a thousand modules, drops nothing of them and ends: collecting took a quarter of its time, the
    # last collection at the exit most of that.
    gc.set_threshold(*_RARELY)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command; gives the exit code (the list is in `cli.failures`)."""
    from cli import app

    try:
        result = app.root().main(args=arguments, prog_name="autolearn", standalone_mode=False)
    except Exception as error:
        from cli import failures

        return failures.report(error, verbose="--verbose" in arguments)
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
