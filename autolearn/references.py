"""References: the text that names a thing, or the thing itself."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote


class Identified(Protocol):
    """Anything the server gave an id: a dataset version, a session, a job, an experiment."""

    @property
    def id(self) -> str:
        """The full id."""
        ...


Named = str | Identified


def reference(thing: Named) -> str:
    """The text that names `thing` in a request body."""
    return thing if isinstance(thing, str) else thing.id


def segment(thing: Named) -> str:
    """The text that names `thing` in a path, with everything quoted that would end the segment (`@` and `:`
    stay)."""
    return quote(reference(thing), safe="@:")
