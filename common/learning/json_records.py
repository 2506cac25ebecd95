"""The records of an NDJSON file (one JSON object a line), read strictly, as blocks of texts.

Objects in objects become columns with dots in their names, lists become JSON texts. What is a text in every line is
never a number: JSON says so itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from common.learning.csv_encoding import find_encoding
from common.learning.csv_options import Limits
from common.learning.malformed import bad_data, shown
from common.learning.text_spool import TextBlock

_DEPTH = 32
_INT64 = 2**63
_BLOCK_CELLS = 1 << 18
_BLOCK_CHARACTERS = 1 << 22


class JsonRecords:
    """The records of a file: `names` in the order in which they first appear, then `blocks()`, once."""

    def __init__(self, path: Path, encoding: str | None, limits: Limits, progress: Callable[[float], None]) -> None:
        """Reads the file once for the names and everything that is wrong with it. Raises `errors.BadData`:

        `encoding nul syntax number duplicate_key key depth unicode limit empty`, each with its line.
        """
        self.encoding, self.notes = find_encoding(path, encoding or "utf-8")
        self._path, self._limits = path, limits
        self.texts: set[str] = set()
        """Columns whose values are all written as texts."""
        found: dict[str, bool] = {}
        listed: set[str] = set()
        rows, size, read = 0, max(1, path.stat().st_size), 0
        for line, length, record in self._records():
            rows, read = rows + 1, read + length
            if rows > limits.rows:
                raise bad_data("limit", f"more than the {limits.rows} rows allowed", line=line)
            for name, value in record.items():
                is_text = isinstance(value, str)
                if name not in found:
                    _check_name(name, len(found), line, limits)
                    found[name] = True
                if value is not None:
                    found[name] = found[name] and is_text
                if isinstance(value, list):
                    listed.add(name)
            if rows % 10_000 == 0:
                progress(0.5 * read / size)
        if not rows:
            raise bad_data("empty", "the file has no line with anything in it")
        if not found:
            raise bad_data("empty", "no object has a name in it", line=1)
        self.names = list(found)
        self.texts = {name for name, only_texts in found.items() if only_texts}
        for name in sorted(listed)[:10]:
            self.notes.append(f"column {shown(name)} holds lists, kept as JSON text")

    def blocks(self) -> Iterator[TextBlock]:
        """Blocks of records; a name that an object does not have is missing."""
        lines: list[int] = []
        rows: list[list[str | None]] = []
        characters, most = 0, max(1, _BLOCK_CELLS // len(self.names))
        for line, length, record in self._records():
            lines.append(line)
            rows.append([_text(record.get(name)) for name in self.names])
            characters += length
            if len(rows) >= most or characters >= _BLOCK_CHARACTERS:
                yield _block(rows, lines)
                lines, rows, characters = [], [], 0
        if rows:
            yield _block(rows, lines)

    def _records(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Line, its length and the flat object on it."""
        with self._path.open(encoding=self.encoding, newline="\n") as source:
            line = 0
            while text := source.readline(self._limits.line + 1):
                line += 1
                if len(text) > self._limits.line:
                    raise bad_data("limit", f"a line of more than {self._limits.line} characters", line=line)
                if text.strip():
                    yield line, len(text), self._record(line, text)

    def _record(self, line: int, text: str) -> dict[str, Any]:
        try:
            value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer)
        except json.JSONDecodeError as error:
            raise bad_data("syntax", f"no JSON: {error.msg}", line=line, column=error.pos + 1) from error
        except RecursionError as error:
            raise bad_data("depth", f"nested deeper than {_DEPTH} levels", line=line) from error
        except _Wrong as error:
            raise bad_data(error.code, error.detail, line=line) from error
        if not isinstance(value, dict):
            raise bad_data("syntax", f"a JSON object is needed on each line, not {shown(text.strip())}", line=line)
        flat: dict[str, Any] = {}
        self._flatten(value, "", flat, line, 1)
        return flat

    def _flatten(self, value: dict[str, Any], before: str, flat: dict[str, Any], line: int, depth: int) -> None:
        if depth > _DEPTH:
            raise bad_data("depth", f"nested deeper than {_DEPTH} levels", line=line)
        for key, item in value.items():
            name = before + key
            if isinstance(item, dict):
                self._flatten(item, f"{name}.", flat, line, depth + 1)
                continue
            if name in flat:
                raise bad_data("duplicate_key", f"two values for {shown(name)}", line=line)
            flat[name] = item
            if isinstance(item, float) and not math.isfinite(item):
                raise bad_data("number", "a number too large for 64 bits", line=line, column=len(flat), name=name)
            if isinstance(item, str) and len(item) > self._limits.cell:
                what = f"a text of more than {self._limits.cell} characters"
                raise bad_data("limit", what, line=line, column=len(flat), name=name)
            if isinstance(item, str) and ("\0" in item or not _is_unicode(item)):
                code = "nul" if "\0" in item else "unicode"
                what = "a NUL character" if code == "nul" else "half a surrogate pair"
                raise bad_data(code, what, line=line, column=len(flat), name=name)


class _Wrong(Exception):
    """What json.loads would let pass."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Wrong("duplicate_key", f"the name {shown(twice)} is there twice")
    return found


def _constant(word: str) -> Any:
    raise _Wrong("number", f"{word} is no JSON number; write null for a missing value")


def _integer(digits: str) -> int:
    # Checked before int(): converting thousands of digits is slow on purpose in CPython.
    if len(digits) > 20 or not -_INT64 <= int(digits) < _INT64:
        raise _Wrong("number", f"{shown(digits)} does not fit into 64 bits; write it as a text")
    return int(digits)


def _check_name(name: str, before: int, line: int, limits: Limits) -> None:
    if before >= limits.columns:
        raise bad_data("limit", f"more than the {limits.columns} columns allowed", line=line)
    if len(name) > limits.name:
        what = f"a name of {len(name)} characters, more than the {limits.name} allowed"
        raise bad_data("limit", what, line=line, column=before + 1, name=name)
    if not name.strip() or not name.isprintable() or not _is_unicode(name):
        raise bad_data("key", f"{shown(name)!r} cannot name a column", line=line, column=before + 1)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else repr(value)


def _block(rows: list[list[str | None]], lines: list[int]) -> TextBlock:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return TextBlock(columns, pa.array(lines, pa.int64()))
