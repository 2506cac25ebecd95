"""The lines of a file of text, in chunks of whole lines of bounded length: for a reader of chunks, and one of lines."""

from __future__ import annotations

import io
from collections.abc import Iterator

from common.learning.malformed import bad_data

_CHUNK = 1 << 21


class Lines:
    """Lines that end as `\\n`, `\\r` or `\\r\\n`, kept as they are; a chunk at hand, and the file behind it.

    Iterating gives lines: those of the chunk, then, because a record may go on, those of the file. `count` is the
    number of the last line given; `first` is the first since it was emptied.
    """

    def __init__(self, text: io.TextIOWrapper, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._chunk = io.StringIO(newline="")
        self._size = 0
        self.first = ""
        self.count = 0

    def load(self) -> bool:
        """Have a chunk at hand that is not used up, or False at the end of the file."""
        if not self.used_up:
            return True
        chunk = self._text.read(_CHUNK)
        if chunk and chunk[-1] != "\n":
            chunk += self._text.readline(self._limit + 1)
        self.put_back(chunk)
        return bool(chunk)

    @property
    def used_up(self) -> bool:
        """Whether all lines of the chunk were given."""
        return self._chunk.tell() >= self._size

    def take(self) -> str:
        """All that is left of the chunk; the lines in it are not counted."""
        return self._chunk.read()

    def put_back(self, chunk: str) -> None:
        """Make this the chunk at hand."""
        self._chunk = io.StringIO(chunk, newline="")
        self._size = len(chunk)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._chunk.readline() or self._text.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) > self._limit:
            raise bad_data("limit", f"a line of more than {self._limit} characters", line=self.count)
        if not self.first:
            self.first = line
        return line
