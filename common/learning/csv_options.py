"""How a CSV file is read: what a person may tell about it, and what was used in the end."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import errors
from common.contracts.datasets import ColumnType, ReadOptions, UploadOptions

MISSING_WORDS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
"""Cells that mean "no value" unless told otherwise; the empty cell always does."""

DELIMITERS = (",", ";", "\t", "|")
ODD_DELIMITERS = ("^", "~", ":", " ")
"""Tried where no other divides the lines; the blank stands for any run of blanks and tabs."""


_DELIMITER_WORDS = {"\\t": "\t", "tab": "\t", "space": " ", "whitespace": " "}


@dataclass(frozen=True)
class Limits:
    """How large a table may be: rows, columns, characters of one cell or line or name, bytes of a file unpacked."""

    rows: int = 20_000_000
    columns: int = 10_000
    cell: int = 1_000_000
    line: int = 16_000_000
    name: int = 200
    unpacked: int = 1 << 34

    @classmethod
    def parse(cls, given: Mapping[str, int]) -> Limits:
        """Limits from a task request; what is not named keeps its default."""
        return cls(**given)


@dataclass(frozen=True)
class Told:
    """What a person told about the file; None is left to detection."""

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    quote: str | None = None
    decimal: str | None = None
    missing: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Told:
        """Checked options; `errors.Invalid` names each one that cannot be used."""
        options = UploadOptions.model_validate({name: value for name, value in given.items() if name != "types"})
        told = cls(
            delimiter=_DELIMITER_WORDS.get(options.delimiter or "", options.delimiter),
            encoding=options.encoding,
            header=options.header,
            quote=options.quote,
            decimal=options.decimal,
            missing=None if options.missing is None else tuple(word.strip() for word in options.missing),
        )
        if flaws := list(_flaws(told)):
            raise errors.Invalid("The options do not tell how to read the file.", flaws=flaws)
        return told


@dataclass(frozen=True)
class Dialect:
    """How the file is written. `quote` is empty if no character quotes."""

    delimiter: str
    encoding: str
    header: bool
    quote: str
    decimal: str = "."
    missing: tuple[str, ...] = MISSING_WORDS
    skip: int = 0
    """Lines before the header that are none of the table."""

    def shown(self) -> ReadOptions:
        """The form that a dataset version shows."""
        return ReadOptions(
            delimiter=self.delimiter,
            encoding=self.encoding,
            header=self.header,
            quote=self.quote,
            decimal=self.decimal,
            missing=list(self.missing),
        )


def told_types(given: Mapping[str, str]) -> dict[str, ColumnType]:
    """Column types told by name; `errors.Invalid` for a type that there is not."""
    known = [kind.value for kind in ColumnType]
    flaws = [
        errors.Flaw(f"/types/{name}", "unknown_type", f"there is no column type {kind!r}", tuple(known))
        for name, kind in given.items()
        if kind not in known
    ]
    if flaws:
        raise errors.Invalid("A column type is not known.", flaws=flaws)
    return {name: ColumnType(kind) for name, kind in given.items()}


def _flaws(told: Told) -> list[errors.Flaw]:
    found = []
    if told.delimiter is not None and (len(told.delimiter) != 1 or told.delimiter in "\r\n\"'.\0"):
        found.append(
            errors.Flaw("/options/delimiter", "value", "the delimiter is one character, such as , ; | tab or space")
        )
    if told.quote is not None and (len(told.quote) > 1 or told.quote in ("\r", "\n", " ", "\0")):
        found.append(errors.Flaw("/options/quote", "value", "the quote is one character, or empty for none"))
    if told.quote and told.quote == told.delimiter:
        found.append(errors.Flaw("/options/quote", "value", "quote and delimiter are the same character"))
    if told.decimal is not None and told.decimal not in (".", ","):
        found.append(errors.Flaw("/options/decimal", "value", "the decimal mark is . or ,"))
    if told.encoding is not None and not _is_text_encoding(told.encoding):
        found.append(
            errors.Flaw(
                "/options/encoding",
                "value",
                f"there is no text encoding {told.encoding!r}; try utf-8 or cp1252",
            )
        )
    return found


def _is_text_encoding(name: str) -> bool:
    try:
        # `_is_text_encoding` is how `str.encode` itself tells "utf-8" from "base64".
        return bool(getattr(codecs.lookup(name), "_is_text_encoding", False))
    except (LookupError, ValueError):
        return False
