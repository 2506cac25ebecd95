"""Remarks about a computation that did not stop it, in the order in which they came up, each once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_MOST = 50
_LONGEST = 300
_FOR_PROGRAMMERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


class Notes:
    """A short list of remarks for the person who asked for the computation."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Keep a remark, unless it is there already or there are too many."""
        if len(self._texts) < _MOST:
            self._texts.setdefault(text[:_LONGEST])

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    @contextmanager
    def of_warnings(self, about: str) -> Iterator[None]:
        """Turn the warnings of a block into remarks; those for programmers (deprecations) are dropped."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                yield
            finally:
                for warning in caught:
                    if not issubclass(warning.category, _FOR_PROGRAMMERS):
                        self.add(f"{about}: {first_sentence(str(warning.message))}")


def first_sentence(message: str) -> str:
    """What a library's message says, without the advice for callers of that library behind it."""
    return message.strip().partition("\n")[0].partition(". ")[0].rstrip(".: ")
