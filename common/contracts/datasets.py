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


class ProfileSample(Answer):
    """Of how many rows the figures of pairs of columns are: `rows`, of these `estimated_rows` for slow estimates."""

    rows: int
    estimated_rows: int
    of_rows: int
    seed: int = 0


class Correlations(Answer):
    """Two matrices over `columns` (numbers, integers, booleans as 0 and 1); null where a column is constant.

    `left_out` columns more could have been in them: those of a named target that tell least, else the last.
    """

    columns: list[str]
    pearson: list[list[float | None]]
    spearman: list[list[float | None]]
    left_out: int = 0


class Duplicates(Answer):
    """Rows, among the first `rows`, that repeat an earlier one: to the last character, or nearly (exact ones too).

    Nearly: numbers to one part in a thousand, texts without case and blanks, identifiers left out.
    """

    rows: int
    exact: int
    near: int


class Association(Answer):
    """How a column goes with the target.

    `measure` names `value`: `pearson` (two numbers; `spearman` beside it), `correlation_ratio` (η, a number and a
    category) or `cramers_v` (two categories, corrected for bias). Of all kinds: `mutual_information` in nats, and
    `score`, how well a decision tree on this column alone predicts rows that it has not seen: 0 as chance, 1 exactly.
    """

    name: str
    measure: str
    value: float | None = None
    spearman: float | None = None
    mutual_information: float | None = None
    score: float | None = None


class ProfileTarget(Answer):
    """A column seen as the target: its task, the balance of its classes, and what goes with it, the most telling first.

    `classes` is `{distinct, top[{value, count, share}], fewest}` of all rows, null of regression; `left_out` counts the
    columns without figures: `text` ones, and those that are `too_many`.
    """

    name: str
    type: ColumnType
    task: str
    task_reason: str
    missing: int
    classes: Document | None = None
    associations: list[Association] = []
    left_out: dict[str, int] = {}


class ProfileWarning(Answer):
    """Something odd: a stable `code`, the columns that it is about (`count` of them; the first are named), and advice.

    Codes: `empty constant almost_constant missing high_cardinality identifier correlated duplicate_rows
    near_duplicate_rows`, and of a target `leaking_target imbalance rare_class missing_target`.
    """

    code: str
    columns: list[str]
    count: int
    detail: str


class Profile(Answer):
    """What each column looks like: see the reference for the figures by column type; how they go together, what is odd.

    Figures of single columns, classes and duplicates are of all rows, those of pairs of a `sample`.
    """

    rows: int
    columns: list[Document]
    sample: ProfileSample | None = None
    correlations: Correlations | None = None
    duplicates: Duplicates | None = None
    target: ProfileTarget | None = None
    warnings: list[ProfileWarning] = []


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
