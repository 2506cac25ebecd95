"""Which encoding a file of text has: a byte order mark, else UTF-8, else Windows-1252; with every byte looked at."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common import errors
from common.learning.csv_options import DELIMITERS
from common.learning.malformed import bad_data

_BLOCK = 1 << 20
_LINE = 1 << 21
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x01-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class _Trouble:
    """The first character that is wrong: its line, from 1, and what of that line comes before it."""

    code: str
    what: str
    line: int
    before: str

    def error(self) -> errors.BadData:
        """The column is by the delimiter that the line has most of: nothing is known of the dialect yet."""
        delimiter = max(DELIMITERS, key=self.before.count)
        what = f"{self.what} (character {len(self.before) + 1} of the line)"
        return bad_data(self.code, what, line=self.line, column=self.before.count(delimiter) + 1)


class _Place:
    """Where in a text one is that passes by in pieces."""

    def __init__(self) -> None:
        self.line = 1
        self.before = ""
        self._after_return = False

    def advance(self, text: str) -> None:
        """Go on by this piece."""
        if not text:
            return
        if self._after_return and text[0] == "\n":
            self.line -= 1  # the second half of a line end that was counted already
        self.line += text.count("\n") + text.count("\r") - text.count("\r\n")
        last = max(text.rfind("\n"), text.rfind("\r"))
        self.before = text[last + 1 :] if last >= 0 else (self.before + text)[-_LINE:]
        self._after_return = text[-1] == "\r"


def find_encoding(path: Path, told: str | None) -> tuple[str, list[str]]:
    """The encoding of a file, and what there is to note about it.

    Raises `errors.BadData`: `encoding` if the bytes are no text of that encoding, `nul` for a NUL character, `empty`
    for a file without any.
    """
    with path.open("rb") as source:
        start = source.read(64)
    if not start:
        raise bad_data("empty", "the file is empty")
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if told is not None and not (marked and _same_family(told, marked)):
        return _checked(path, told), []
    if marked is not None:
        return _checked(path, marked), []
    if _looks_wide(start):
        raise bad_data(
            "encoding",
            "this looks like UTF-16 without a byte order mark; tell the encoding (utf-16-le)",
            line=1,
            column=1,
        )
    trouble = _look_through(path, "utf-8")
    if trouble is None:
        return "utf-8", []
    if trouble.code == "nul":
        raise trouble.error()
    if _look_through(path, "cp1252") is not None:
        raise trouble.error()
    note = f"read as cp1252 (Windows Latin-1): line {trouble.line} is not UTF-8; tell the encoding if that is wrong"
    return "cp1252", [note]


def _checked(path: Path, encoding: str) -> str:
    trouble = _look_through(path, encoding)
    if trouble is not None:
        raise trouble.error()
    return encoding


def _same_family(told: str, marked: str) -> bool:
    """Whether the told encoding is that of the byte order mark, which the marked one takes off: utf-16-le, utf-16."""
    return codecs.lookup(told).name.startswith(marked.removesuffix("-sig"))


def _looks_wide(start: bytes) -> bool:
    return len(start) >= 4 and (not any(start[1::2]) or not any(start[0:-1:2]))


def _look_through(path: Path, encoding: str) -> _Trouble | None:
    """Decode the whole file in blocks; None if all of it is text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for number, (block, final) in enumerate(_blocks(path)):
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            return _trouble("encoding", f"a byte that is not {encoding} text", path, encoding, number, before)
        except UnicodeError as error:
            return _trouble("encoding", f"not {encoding} text: {error}", path, encoding, number, "")
        position = text.find("\0")
        if position >= 0:
            what = "a NUL character; remove it, or tell the encoding if this is UTF-16"
            return _trouble("nul", what, path, encoding, number, text[:position])
        if encoding == "cp1252" and (control := _CONTROL.search(text)):  # nearly any bytes are cp1252
            what = "a control character; this is not text"
            return _trouble("encoding", what, path, encoding, number, text[: control.start()])
    return None


def _trouble(code: str, what: str, path: Path, encoding: str, blocks: int, before: str) -> _Trouble:
    """Where it is: behind so many blocks of the file and this text. Looked for only now: mostly there is none."""
    place, decoder = _Place(), codecs.getincrementaldecoder(encoding)()
    for block, _ in itertools.islice(_blocks(path), blocks):
        place.advance(decoder.decode(block))
    place.advance(before)
    return _Trouble(code, what, place.line, place.before)


def _blocks(path: Path) -> Iterator[tuple[bytes, bool]]:
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block, False
    yield b"", True
