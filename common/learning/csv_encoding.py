"""Which encoding a file of text has: a byte order mark, else UTF-8, else Windows-1252; with every byte looked at."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.learning.malformed import bad_data

_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"%PDF-", "PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
)
_CONTROLS = frozenset(map(chr, range(32))) - set("\t\n\r\f\v\0")


@dataclass(frozen=True)
class _Trouble:
    """The first byte that is wrong: its line and character in the line, both from 1."""

    code: str
    what: str
    line: int
    character: int


def find_encoding(path: Path, told: str | None) -> tuple[str, list[str]]:
    """The encoding of a file, and what there is to note about it.

    Raises `errors.BadData`: `encoding` if the bytes are no text of that encoding, `nul` for a NUL character, `empty`
    for a file without any.
    """
    with path.open("rb") as source:
        start = source.read(64)
    if not start:
        raise bad_data("empty", "the file is empty")
    for magic, name in _FORMATS:
        if start.startswith(magic):
            raise bad_data("encoding", f"this is {name}, not CSV text; unpack or export it first", line=1, column=1)
    if told is not None:
        return _checked(path, told), []
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
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
        raise _error(trouble)
    if _look_through(path, "cp1252") is not None:
        raise _error(trouble)
    note = f"read as cp1252 (Windows Latin-1): line {trouble.line} is not UTF-8; tell the encoding if that is wrong"
    return "cp1252", [note]


def _checked(path: Path, encoding: str) -> str:
    trouble = _look_through(path, encoding)
    if trouble is not None:
        raise _error(trouble)
    return encoding


def _error(trouble: _Trouble) -> Exception:
    return bad_data(trouble.code, f"{trouble.what} (character {trouble.character} of the line)", line=trouble.line)


def _looks_wide(start: bytes) -> bool:
    return len(start) >= 4 and (not any(start[1::2]) or not any(start[0:-1:2]))


def _look_through(path: Path, encoding: str) -> _Trouble | None:
    """Decode the whole file in blocks; None if all of it is text."""
    single = encoding == "cp1252"
    line, character, after_return = 1, 1, False

    def advance(text: str) -> None:
        nonlocal line, character, after_return
        if not text:
            return
        if after_return and text[0] == "\n":
            line -= 1  # the second half of a line end that was counted already
        line += text.count("\n") + text.count("\r") - text.count("\r\n")
        last = max(text.rfind("\n"), text.rfind("\r"))
        character = len(text) - last if last >= 0 else character + len(text)
        after_return = text[-1] == "\r"

    decoder = codecs.getincrementaldecoder(encoding)()
    for block, final in _blocks(path):
        try:
            text = decoder.decode(block, final)
        except UnicodeDecodeError as error:
            advance(error.object[: error.start].decode(encoding, "replace"))
            return _Trouble("encoding", f"a byte that is not {encoding} text", line, character)
        except UnicodeError as error:
            return _Trouble("encoding", f"not {encoding} text: {error}", line, character)
        position = text.find("\0")
        if position >= 0:
            advance(text[:position])
            return _Trouble(
                "nul", "a NUL character; remove it, or tell the encoding if this is UTF-16", line, character
            )
        if single and not _CONTROLS.isdisjoint(text):
            position = next(index for index, one in enumerate(text) if one in _CONTROLS)
            advance(text[:position])
            return _Trouble("encoding", "a control character; this is not text", line, character)
        advance(text)
    return None


def _blocks(path: Path) -> Iterator[tuple[bytes, bool]]:
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block, False
    yield b"", True
