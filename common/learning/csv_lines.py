"""The lines of a file of text, in chunks of whole lines of bounded length: for a reader of chunks, and one of lines."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

from common.learning.malformed import bad_data

_CHUNK = 1 << 21
_BLANKS_AT_ENDS = re.compile(r"^[ \t]+|[ \t]+(?=[\r\n]|\Z)", re.MULTILINE)


def squeezed(text: str, quote: str) -> str:
    """Lines whose cells are divided by runs of blanks and tabs, with one blank between them; quoted ones are kept."""
    text = _BLANKS_AT_ENDS.sub("", text)
    if quote and quote in text:
        mark = re.escape(quote)
        return re.sub(rf"({mark}[^{mark}\r\n]*{mark})|[ \t]+", lambda found: found[1] or " ", text)
    return re.sub(r"[ \t]+", " ", text)


class Lines:
    """Lines that end as `\\n`, `\\r` or `\\r\\n`, kept as they are; a chunk at hand, and the file behind it.

    Iterating gives lines: those of the chunk, then, because a record may go on, those of the file. `count` is the
    number of the last line given; `first` is the first since it was emptied.
    """

    def __init__(self, text: io.TextIOWrapper, limit: int, change: Callable[[str], str] | None = None) -> None:
        """`change` is done to lines as they are given, or to chunks of them; twice is as once."""
        self._text = text
        self._change = change
        self.chunk = _CHUNK
        """Characters that are loaded at once; more, where a line has very many cells."""
        self._limit = limit
        self._chunk = io.StringIO(newline="")
        self._size = 0
        self.first = ""
        self.count = 0

    def load(self) -> bool:
        """Have a chunk at hand that is not used up, or False at the end of the file."""
        if not self.used_up:
            return True
        chunk = self._text.read(self.chunk)
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
        chunk = self._chunk.read()
        return self._change(chunk) if self._change else chunk

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
        return self._change(line) if self._change else line
