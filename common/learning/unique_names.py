"""Names of columns that people can refer to: none empty, no two the same, and what was changed is said."""

from __future__ import annotations

from collections.abc import Iterable

from common.learning.malformed import bad_data, shown


def unique(written: Iterable[str], notes: list[str], *, longest: int, line: int | None = None) -> list[str]:
    """One name for each column: blanks in and around it made single; `column_N` without one, `name_2` if taken.

    Raises `errors.BadData` with `limit` for a name of more than `longest` characters.
    """
    tidy = [" ".join(name.split()) for name in written]
    taken = {name for name in tidy if name}
    names: list[str] = []
    seen: set[str] = set()
    for column, name in enumerate(tidy, 1):
        if len(name) > longest:
            what = f"a name of {len(name)} characters, more than the {longest} allowed"
            raise bad_data("limit", what, line=line, column=column, name=name)
        own = name or f"column_{column}"
        if own in seen or (not name and own in taken):
            own = _next(own, taken | seen)
        if not name:
            notes.append(f"column {column} has no name in the header and is called {own}")
        elif own != name:
            notes.append(f"column {column} has the name of another, {shown(name)}, and is called {shown(own)}")
        seen.add(own)
        names.append(own)
    return names


def _next(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
