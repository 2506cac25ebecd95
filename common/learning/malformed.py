"""What is said about a file that cannot be read as a table: one flaw, with its place in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from common import errors

POINTER = "/file"


def bad_data(
    code: str, what: str, *, line: int | None = None, column: int | None = None, name: str | None = None
) -> errors.BadData:
    """The error for one thing wrong with a file; `line` and `column` count from 1.

    Codes: `empty encoding nul limit number` of any format; `ragged quote dialect` of CSV, `syntax key depth unicode
    duplicate_key` of NDJSON; `format` for a damaged file; `type` for what does not fit the type of its column.
    """
    place = where(line, column, name)
    detail = f"{place}: {what}" if place else what
    return errors.BadData(f"The file cannot be read as a table: {detail}", flaws=[errors.Flaw(POINTER, code, detail)])


def where(line: int | None, column: int | None, name: str | None = None) -> str:
    """`line 3, column 2 (age)`, as far as it is known."""
    parts = []
    if line is not None:
        parts.append(f"line {line}")
    if column is not None:
        parts.append(f"column {column}" + (f" ({shown(name)})" if name else ""))
    return ", ".join(parts)


def shown(text: str, limit: int = 60) -> str:
    """A cell or name as it may stand in a message: on one line, printable and short."""
    printable = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:limit]
    )
    return printable + ("…" if len(text) > limit else "")


def check_names(given: Iterable[str], names: Sequence[str], pointer: str) -> None:
    """`errors.Invalid` for each given name that is no column, with the names that are like it."""
    known = set(names)
    flaws = [
        errors.Flaw(
            f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}",
            "unknown_column",
            f"there is no column {shown(name)!r}",
            tuple(difflib.get_close_matches(name, names, n=3, cutoff=0.5)),
        )
        for name in given
        if name not in known
    ]
    if flaws:
        raise errors.Invalid("; ".join(flaw.detail for flaw in flaws[:3]), flaws=flaws)
