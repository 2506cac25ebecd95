"""A dataset's profile on a terminal: one row a column, what goes with what, and what is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.render import Output

if TYPE_CHECKING:
    from common.contracts.datasets import Profile, ProfileTarget

_BARS = "▁▂▃▄▅▆▇█"
_PAIRS = 10
_CLASSES = 10
_ASSOCIATIONS = 20
_VALUES = 3
_LONGEST = 24


def show(out: Output, profile: Profile, *, wide: int = 60) -> None:
    """All of a profile; of more than `wide` columns only the first, and it is said."""
    columns = profile.columns
    out.table(
        ["column", "type", "missing", "distinct", "min", "median", "mean", "max", "std", "values"],
        [_column(column, profile.rows) for column in columns[:wide]],
        title=f"{profile.rows} rows, {len(columns)} columns",
    )
    if len(columns) > wide:
        out.note(f"{len(columns) - wide} more columns: see --json or --html")
    if profile.target is not None:
        _target(out, profile.target)
    _correlations(out, profile)
    _warnings(out, profile)
    sample = profile.sample
    if sample is not None and sample.rows < sample.of_rows:
        out.note(f"how columns go together is of a sample of {sample.rows} of the {sample.of_rows} rows")


def _column(column: Mapping[str, Any], rows: int) -> list[Any]:
    missing = f"{column['missing']} ({column['missing'] / max(1, rows):.0%})" if column["missing"] else 0
    middle = (column.get("quantiles") or {}).get("0.5")
    figures = [column.get("min"), middle, column.get("mean"), column.get("max"), column.get("std")]
    return [column["name"], column["type"], missing, column["distinct"], *figures, _values(column, rows)]


def _values(column: Mapping[str, Any], rows: int) -> str | None:
    """What the values are like, in a few characters: a histogram, the most frequent, or from when to when."""
    if histogram := column.get("histogram"):
        return bars(histogram["counts"])
    if top := column.get("top"):
        named = [f"{_cut(each['value'])} {each['count'] / max(1, rows):.0%}" for each in top[:_VALUES]]
        return ", ".join([*named, "…"] if column["distinct"] > _VALUES else named)
    if "true" in column:
        return f"true {column['true'] / max(1, rows):.0%}, false {column['false'] / max(1, rows):.0%}"
    if column.get("first"):
        return f"{column['first'][:10]} … {column['last'][:10]}"
    return None


def bars(counts: Sequence[int]) -> str:
    """Counts as blocks of eight heights; what is empty stays empty."""
    most = max(counts, default=0)
    return "".join(_BARS[min(7, 8 * count // (most + 1))] if count else " " for count in counts)


def _target(out: Output, target: ProfileTarget) -> None:
    if target.classes:
        rows = [[str(each["value"]), each["count"], f"{each['share']:.1%}"] for each in target.classes["top"]]
        out.line("")
        out.table(["class", "rows", "share"], rows[:_CLASSES], title=f"{target.name}: {target.task}")
        if target.classes["distinct"] > _CLASSES:
            out.note(f"{target.classes['distinct'] - _CLASSES} more classes")
    found = target.associations
    if found:
        out.line("")
        out.table(
            ["column", "measure", "value", "mutual information", "score alone"],
            [[each.name, each.measure, each.value, each.mutual_information, each.score] for each in found][
                :_ASSOCIATIONS
            ],
            title=f"What goes with {target.name}",
        )
    for reason, count in target.left_out.items():
        if count:
            what = {"text": "text columns", "too_many": "columns beyond the first"}.get(reason, reason)
            out.note(f"not among what goes with {target.name}: {what} ({count})")


def _correlations(out: Output, profile: Profile) -> None:
    told = profile.correlations
    if told is None or len(told.columns) < 2:
        return
    pairs = [
        (one, other, told.pearson[at][to], told.spearman[at][to])
        for at, one in enumerate(told.columns)
        for to, other in enumerate(told.columns)
        if at < to
    ]
    pairs.sort(key=lambda pair: -max(abs(pair[2] or 0.0), abs(pair[3] or 0.0)))
    out.line("")
    title = "Correlations" if len(pairs) <= _PAIRS else f"Correlations, the strongest {_PAIRS} of {len(pairs)}"
    out.table(["column", "with", "Pearson", "Spearman"], [list(pair) for pair in pairs[:_PAIRS]], title=title)
    if told.left_out:
        out.note(f"{told.left_out} more columns of numbers are not among them")


def _warnings(out: Output, profile: Profile) -> None:
    if profile.warnings:
        out.line("")
        out.table(
            ["warning", ""], [[each.code, each.detail] for each in profile.warnings], heads=False, title="Warnings"
        )


def _cut(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
