"""What a command says when it fails, and its exit code.

0 done · 1 unexpected · 2 usage · 3 server unreachable · 4 not found · 5 refused · 6 job failed or cancelled
7 requirement not met · 124 waiting timed out, the job goes on · 130 interrupted
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from common.errors import Flaw

UNEXPECTED, USAGE, UNREACHABLE, NOT_FOUND, REFUSED, JOB_FAILED, NOT_MET, TIMED_OUT, INTERRUPTED = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    124,
    130,
)


_FEW = 3


def report(error: Exception, *, verbose: bool = False) -> int:
    """Say on stderr what went wrong, one line and one for each flaw of the request; gives the exit code."""
    while isinstance(error, ExceptionGroup):
        # One failure says it all: the other tasks were cancelled because of it, or failed of the same cause.
        error = error.exceptions[0]
    if verbose and not isinstance(error, typer.TyperException | typer.Abort):
        traceback.print_exception(error)
    if isinstance(error, typer.Abort):
        say("nothing was done")
        return INTERRUPTED
    if isinstance(error, typer.TyperException):
        return _usage(error)
    from autolearn.failures import JobFailed, Unreachable, WaitTimedOut
    from common import errors

    if isinstance(error, errors.AutoLearnError):
        _problem(error)
        match error:
            case Unreachable():
                return UNREACHABLE
            case WaitTimedOut():
                return TIMED_OUT
            case JobFailed():
                return JOB_FAILED
            case errors.NotFound() | errors.Gone():
                return NOT_FOUND
            case errors.Internal():
                return UNEXPECTED
        return REFUSED if type(error) is not errors.AutoLearnError else UNEXPECTED
    if isinstance(error, OSError) and error.filename:
        say(f"{error.filename}: {(error.strerror or str(error)).lower()}")
        return USAGE
    say(f"unexpected {type(error).__name__}: {error}" + ("" if verbose else " (--verbose shows where)"))
    return UNEXPECTED


def problem(error: Exception, about: str) -> None:
    """Say what went wrong with one of several things."""
    from common import errors

    if isinstance(error, errors.AutoLearnError):
        _problem(error, f"{about}: ")
    else:
        say(f"{about}: {error}")


def _usage(error: typer.TyperException) -> int:
    # An empty message is the help that Typer shows for a group without arguments.
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return USAGE
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    # "Invalid value" helps only where an option is named.
    message = error.message if getattr(error, "param", None) is None else error.format_message()
    say((message or error.format_message()).rstrip(".") + hint)
    return USAGE


def _problem(error: Exception, about: str = "") -> None:
    from common import errors

    assert isinstance(error, errors.AutoLearnError)
    trace = error.extra.get("trace_id") if isinstance(error, errors.Internal) else None
    flaws, detail = error.flaws, error.detail.rstrip(".")
    if len(flaws) == 1 and flaws[0].detail.rstrip(".") in detail:
        # It is all there is to say, and is not said twice.
        detail += _near(flaws[0]) if "did you mean" not in detail else ""
        flaws = ()
    say(about + detail + (f" (autolearn log trace {trace})" if trace else ""))
    for flaw in flaws:
        sys.stderr.write(f"  {flaw.pointer or '/'}: {flaw.detail.rstrip('.')}{_near(flaw)}\n")
    for candidate in error.extra.get("candidates", ()):
        sys.stderr.write(f"  could be {candidate}\n")
    for referrer in error.extra.get("referrers", ()):
        sys.stderr.write(f"  used by {referrer}\n")


def _near(flaw: Flaw) -> str:
    # Those that fit may all have been named already.
    named = len(flaw.suggestions) > _FEW and all(one in flaw.detail for one in flaw.suggestions)
    return f"; did you mean {' or '.join(flaw.suggestions)}?" if flaw.suggestions and not named else ""


def say(text: str) -> None:
    """One line on stderr, in the program's name."""
    sys.stderr.write(f"autolearn: {' '.join(text.split())}\n")
