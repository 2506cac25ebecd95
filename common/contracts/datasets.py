"""Datasets as the catalogue service shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from common.contracts.base import Answer, Command, Document, Name


class ColumnType(StrEnum):
    """What a column holds; decides how it is prepared for learning."""

    number = "number"  # 64-bit floating point
    integer = "integer"  # 64-bit signed
    category = "category"  # text with few distinct values
    boolean = "boolean"
    datetime = "datetime"  # a moment, UTC
    text = "text"  # free text, or too many distinct values to be a category


class Column(Answer):
    """One column of a dataset version: `missing` and `distinct` are counts of rows and of different values."""

    name: str
    type: ColumnType
    missing: int
    distinct: int


class ReadOptions(Answer):
    """How the file was read: detected, or told by the person who uploaded it; null is what its format does not have."""

    format: str = "csv"
    compression: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    quote: str | None = None
    decimal: str | None = None
    missing: list[str] = []


class DatasetVersion(Answer):
    """One version of a dataset: immutable, known by the digest of its content."""

    id: str
    name: str
    version: int
    digest: str
    file_digest: str
    rows: int
    columns: list[Column]
    options: ReadOptions
    notes: list[str] = []
    created: str
    size: int = 0


class Preview(Answer):
    """The first rows of a dataset: one list of JSON values a row, in the order of `columns`; missing is null."""

    columns: list[str]
    rows: list[list[object]]


class Profile(Answer):
    """What each column looks like: see the reference for the figures by column type."""

    rows: int
    columns: list[Document]


class ColumnChange(Command):
    """A column that is to be read as another type."""

    name: str
    type: Annotated[ColumnType, Field(strict=False)]


class DatasetChange(Command):
    """New column types for a dataset; makes a new version without a new upload."""

    columns: Annotated[list[ColumnChange], Field(min_length=1)]


class UploadOptions(Command):
    """What a person can tell about a file instead of leaving it to detection."""

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    quote: str | None = None
    decimal: str | None = None
    missing: list[str] | None = None
    types: dict[Name, Annotated[ColumnType, Field(strict=False)]] | None = None
