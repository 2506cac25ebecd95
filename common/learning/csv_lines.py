"""The lines of a file of text, in chunks of whole lines of bounded length: for a reader of chunks, and one of lines."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Protocol

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


class Source(Protocol):
    """A file of text, as the bytes of its UTF-8."""

    def read(self, size: int, /) -> bytes:
        """About so many bytes; none at the end."""

    def readline(self, limit: int, /) -> bytes:
        """Up to and with the next line end, or about so many bytes."""


class Recoded:
    """A text of any encoding as a `Source`."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        """`text` keeps its line ends (`newline=""`)."""
        self._text = text

    def read(self, size: int, /) -> bytes:
        return self._text.read(size).encode()

    def readline(self, limit: int, /) -> bytes:
        return self._text.readline(limit).encode()


class Lines:
    """Lines that end as `\\n`, `\\r` or `\\r\\n`, kept as they are; a chunk at hand, and the file behind it.

    A chunk is taken as a whole, in UTF-8, or read line by line; because a record may go on, the lines of the file
    follow those of the chunk. `count` is the number of the last line given; `first` is the first since it was emptied.
    """

    def __init__(self, source: Source, limit: int, change: Callable[[str], str] | None = None) -> None:
        """`change` is done to lines as they are given, or to chunks of them; twice is as once.

        `limit` is the longest line, in bytes.
        """
        self._source = source
        self._change = change
        self.chunk = _CHUNK
        """Bytes that are loaded at once; more, where a line has very many cells."""
        self._limit = limit
        self._begun = b""  # a line that the chunk before has only the beginning of
        self._whole = b""  # of the chunk, as long as nobody asked for its lines
        self._lines = io.StringIO(newline="")
        self._size = 0
        self._cut = False  # the chunk ends within a line that is longer than lines may be
        self.first = ""
        self.count = 0

    def load(self) -> bool:
        """Have a chunk at hand that is not used up, or False at the end of the file."""
        if self.used_up:
            more = self._source.read(self.chunk)
            chunk = self._begun + more
            if more and not (end := _last_line_end(chunk)):
                chunk += self._source.readline(self._limit + 1)
                end = _last_line_end(chunk)
                self._cut = not end and len(chunk) > self._limit
            end = end if more and end else len(chunk)
            self._begun = chunk[end:]
            self.put_back(chunk[:end])
        return not self.used_up

    @property
    def used_up(self) -> bool:
        """Whether all lines of the chunk were given."""
        return not self._whole and self._lines.tell() >= self._size

    def take(self) -> bytes:
        """All that is left of the chunk; the lines in it are not counted."""
        chunk, self._whole = self._whole or self._lines.read().encode(), b""
        return self._change(chunk.decode("utf-8", "replace")).encode() if self._change else chunk

    def put_back(self, chunk: bytes) -> None:
        """Make this the chunk at hand."""
        self._whole = chunk

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._whole or not (line := self._lines.readline()):
            if not self.load():
                raise StopIteration
            text, self._whole = (
                self._whole.decode("utf-8", "replace"),
                b"",
            )  # only a cut line can end within a character
            self._lines, self._size = io.StringIO(text, newline=""), len(text)
            line = self._lines.readline()
        self.count += 1
        if len(line) > self._limit or (self._cut and self.used_up):
            raise bad_data("limit", f"a line of more than {self._limit} bytes", line=self.count)
        if not self.first:
            self.first = line
        return self._change(line) if self._change else line


def _last_line_end(chunk: bytes) -> int:
    """Where the last line that is whole ends, or 0; behind a `\\r` at the very end may come a `\\n`."""
    return 1 + (chunk.rfind(b"\n") if b"\n" in chunk else chunk.rfind(b"\r", 0, -1))
