"""The console script `autolearn`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process's arguments name, and exit with its code."""
    sys.exit(run(sys.argv[1:]))


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
