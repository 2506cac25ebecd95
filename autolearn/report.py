"""The profile of a dataset as one HTML page, for people who would rather look than read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from autolearn import drawing
from autolearn.page import Cell, Page
from common.contracts.datasets import DatasetVersion, Profile, ProfileTarget

_COLUMNS = 500
_MATRIX = 50
_TOP = 6


def html(version: DatasetVersion, profile: Profile) -> str:
    """The page; the same profile gives the same page."""
    title = f"{version.name}, version {version.version}"
    page = Page(title)
    page.note(
        f"{profile.rows} rows, {len(profile.columns)} columns; content {version.digest}; uploaded {version.created}"
    )
    _warnings(page, profile)
    if profile.target is not None:
        _target(page, profile.target)
    _columns(page, profile)
    _correlations(page, profile)
    page.heading("How the table was read")
    options = version.options.model_dump(exclude_none=True)
    page.table("Options", ["option", "value"], [[name, _listed(value)] for name, value in options.items()], texts=[1])
    for note in version.notes:
        page.note(note)
    return page.text()


def _warnings(page: Page, profile: Profile) -> None:
    page.heading("Warnings")
    if not profile.warnings:
        page.note("Nothing odd was found.")
        return
    rows: list[list[Cell]] = [[_code(warning.code), warning.detail] for warning in profile.warnings]
    page.table("What could spoil a training", ["warning", "what and why"], rows, texts=[1])


def _target(page: Page, target: ProfileTarget) -> None:
    page.heading(f"Target: {target.name}")
    page.note(f"{target.task}: {target.task_reason}; missing in {target.missing} rows")
    if target.classes:
        top = target.classes["top"]
        rows: list[list[Cell]] = [
            [str(each["value"]), f"{each['count']}", f"{each['share']:.2%}", drawing.meter(each["share"], "share")]
            for each in top
        ]
        page.table("Balance of the classes", ["class", "rows", "share", ""], rows)
        if target.classes["distinct"] > len(top):
            page.note(f"{target.classes['distinct'] - len(top)} rarer classes are not listed.")
    found: list[list[Cell]] = [
        [
            one.name,
            one.measure,
            _figure(one.value),
            drawing.meter(one.value, f"{one.measure} {_figure(one.value)}"),
            _figure(one.mutual_information),
            _figure(one.score),
        ]
        for one in target.associations
    ]
    if found:
        heads = ["column", "measure", "value", "", "mutual information (nats)", "score alone"]
        page.table(f"What goes with {target.name}, the most telling first", heads, found)
    if any(target.left_out.values()):
        page.note("Without figures: " + ", ".join(f"{why} {count}" for why, count in target.left_out.items() if count))


def _columns(page: Page, profile: Profile) -> None:
    page.heading("Columns")
    heads = ["column", "type", "missing", "distinct", "min", "25 %", "median", "75 %", "max", "mean", "std", "values"]
    rows = [_column(column, profile.rows) for column in profile.columns[:_COLUMNS]]
    page.table("Each column, over all rows", heads, rows, texts=[len(heads) - 1])
    if len(profile.columns) > _COLUMNS:
        page.note(f"{len(profile.columns) - _COLUMNS} more columns are not shown; the JSON form has them.")


def _column(column: Mapping[str, Any], rows: int) -> list[Cell]:
    quantiles = column.get("quantiles") or {}
    missing = f"{column['missing']} ({column['missing'] / max(1, rows):.1%})" if column["missing"] else "0"
    figures = [
        column.get("min"),
        *(quantiles.get(share) for share in ("0.25", "0.5", "0.75")),
        column.get("max"),
        column.get("mean"),
        column.get("std"),
    ]
    start: list[Cell] = [column["name"], column["type"], missing, f"{column['distinct']}"]
    return [*start, *map(_figure, figures), _values(column, rows)]


def _values(column: Mapping[str, Any], rows: int) -> Cell:
    label = f"values of {column['name']}"
    if told := column.get("histogram"):
        return drawing.histogram(told["edges"], told["counts"], label)
    if top := column.get("top"):
        return drawing.shares([(str(each["value"]), each["count"] / max(1, rows)) for each in top[:_TOP]], label)
    if "true" in column:
        both = [(name, column[name] / max(1, rows)) for name in ("true", "false")]
        return drawing.shares(both, label)
    return f"{column['first'][:10]} … {column['last'][:10]}" if column.get("first") else None


def _correlations(page: Page, profile: Profile) -> None:
    told = profile.correlations
    if told is None or len(told.columns) < 2:
        return
    page.heading("Correlations")
    names = told.columns[:_MATRIX]
    for title, matrix in (("Pearson: along a line", told.pearson), ("Spearman: of ranks", told.spearman)):
        page.matrix(title, names, [row[: len(names)] for row in matrix[: len(names)]])
    if told.left_out:
        page.note(f"{told.left_out} more columns of numbers are not among them.")
    sample = profile.sample
    if sample is not None and sample.rows < sample.of_rows:
        page.note(f"Of a sample of {sample.rows} of the {sample.of_rows} rows, as are the figures of the target.")


def _code(code: str) -> Element:
    element = Element("code")
    element.text = code
    return element


def _figure(value: float | int | None) -> str | None:
    if value is None:
        return None
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
