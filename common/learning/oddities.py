"""What is odd about a table and could spoil a training: each with a code, the columns it is about, and advice in words.

empty constant almost_constant missing high_cardinality identifier     one column
correlated                                                             two columns
duplicate_rows near_duplicate_rows                                     rows
leaking_target imbalance rare_class missing_target                     the target
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.learning.malformed import shown

Column = Mapping[str, Any]
"""A column of a profile."""

ALMOST = 0.99
MANY_GAPS = 0.2
MANY_VALUES = 50
ROWS_TO_JUDGE = 20
SAME = 0.95
LEAK = 0.98
IMBALANCE = 10
RARE = 10
_SINGLY = 10
_NAMED = 10
_PAIRS = 20
_ID_WORDS = ("id", "key", "uuid", "guid", "index", "row", "number", "nr", "no")


def identifier_like(column: Column, rows: int) -> bool:
    """Whether a column looks like a number or name of its row: nothing comes twice, and it reads like one.

    Texts without gap; integers that count the rows, or are called so.
    """
    if rows < ROWS_TO_JUDGE or column["missing"] or column["distinct"] < rows:
        return False
    if column["type"] != "integer":
        return column["type"] in ("category", "text")
    words = column["name"].lower().replace("-", "_").replace(" ", "_").split("_")
    counts: bool = column["max"] - column["min"] == rows - 1
    return counts or words[-1] in _ID_WORDS or words[0] in _ID_WORDS


def gives_away(association: Mapping[str, Any]) -> bool:
    """Whether a column that goes with the target does so too well."""
    return (association["score"] or 0) >= LEAK


class Oddities:
    """Gathers them; where many columns have the same one, they share an entry."""

    def __init__(self, rows: int, columns: Sequence[Column]) -> None:
        self._rows, self._columns = rows, columns
        self._found: list[dict[str, Any]] = []

    def found(self) -> list[dict[str, Any]]:
        """All: `code`, `columns`, `count` of columns, `detail`."""
        return self._found

    def of_columns(self, target: str | None) -> None:
        """What a column shows alone."""
        for check in _CHECKS:
            found = [one for one in self._columns if one["name"] != target and check.is_so(one, self._rows)]
            self._add_columns(check, found)

    def of_rows(self, duplicates: Mapping[str, int]) -> None:
        """Rows that are there more than once: in both parts of a split, they make measures too good."""
        exact, near, rows = duplicates["exact"], duplicates["near"], max(1, duplicates["rows"])
        if exact:
            what = f"{exact} rows ({exact / rows:.1%}) repeat an earlier one"
            self._add("duplicate_rows", (), f"{what}; in both parts of a split they make a model look better")
        if near > exact:
            what = f"{near - exact} more rows repeat an earlier one but for rounding, case or an identifier"
            self._add("near_duplicate_rows", (), f"{what}; keep those that belong together in one part (--groups)")

    def of_correlations(self, correlations: Mapping[str, Any]) -> None:
        """Pairs of columns that say nearly the same."""
        names = correlations["columns"]
        pairs = []
        for at, one in enumerate(names):
            for other in range(at + 1, len(names)):
                figures = [correlations[method][at][other] for method in ("pearson", "spearman")]
                strongest = max((abs(value) for value in figures if value is not None), default=0.0)
                if strongest >= SAME:
                    pairs.append((strongest, one, names[other], figures))
        pairs.sort(key=lambda pair: -pair[0])
        for _, one, other, (linear, ranks) in pairs[:_PAIRS]:
            said = f"go together: Pearson {_figure(linear)}, Spearman {_figure(ranks)}"
            self._add("correlated", (one, other), f"columns {shown(one)} and {shown(other)} {said}")
        if len(pairs) > _PAIRS:
            self._add("correlated", (), f"{len(pairs) - _PAIRS} more pairs of columns go together like that")

    def of_target(self, about: Mapping[str, Any]) -> None:
        """What is odd about the target, or gives it away."""
        name = about["name"]
        for one in about["associations"]:
            if gives_away(one):
                detail = (
                    f"column {shown(one['name'])} alone predicts {shown(name)} nearly exactly ({one['score']:.3f} of 1)"
                    "; exclude it unless it is known before what is predicted"
                )
                self._add("leaking_target", (one["name"],), detail)
        if about["missing"]:
            detail = f"{about['missing']} rows have no {shown(name)} and are dropped in training"
            self._add("missing_target", (name,), detail)
        classes = about["classes"]
        if classes is None or not classes["top"]:
            return
        most, fewest = classes["top"][0], classes["fewest"]
        if classes["distinct"] > 1 and most["count"] >= IMBALANCE * fewest:
            detail = (
                f"the most frequent class of {shown(name)} has {most['count'] / fewest:.0f} times as many rows as the"
                f" rarest ({most['count']}, {fewest}): look at balanced_accuracy, f1_macro or average_precision, not at"
                " accuracy"
            )
            self._add("imbalance", (name,), detail)
        rare = [each["value"] for each in classes["top"] if each["count"] < RARE]
        if fewest < RARE:
            named = ", ".join(shown(str(value)) for value in rare[:_NAMED]) or "rare ones"
            detail = f"classes of {shown(name)} with fewer than {RARE} rows: {named}; too few to measure them"
            self._add("rare_class", (name,), detail)

    def _add_columns(self, check: _Check, found: Sequence[Column]) -> None:
        says = [check.says(one, self._rows) for one in found]
        if len(found) <= _SINGLY:
            for one, said in zip(found, says, strict=True):
                self._add(check.code, (one["name"],), f"column {shown(one['name'])} {said}; {check.advice}")
            return
        names = [one["name"] for one in found[:_NAMED]]
        listed = ", ".join(shown(name) for name in names)
        what = f"{len(found)} columns, {listed} and others; the first {says[0]}; {check.advice}"
        self._add(check.code, names, what, len(found))

    def _add(self, code: str, columns: Sequence[str], detail: str, count: int | None = None) -> None:
        self._found.append(
            {
                "code": code,
                "columns": list(columns),
                "count": len(columns) if count is None else count,
                "detail": detail,
            }
        )


def _top_share(column: Column, rows: int) -> float:
    """The share of the rows that have the most frequent value, where the profile tells it."""
    if top := column.get("top"):
        return float(top[0]["count"]) / max(1, rows)
    if "true" in column:
        return float(max(column["true"], column["false"])) / max(1, rows)
    return 0.0


def _has_one_value(column: Column, rows: int) -> str:
    return "has one value or none" if column["missing"] else "has one value only"


@dataclass(frozen=True)
class _Check:
    """Something odd about one column of a table with so many rows."""

    code: str
    is_so: Callable[[Column, int], bool]
    says: Callable[[Column, int], str]
    advice: str


_CHECKS = (
    _Check("empty", lambda one, _: one["distinct"] == 0, lambda one, _: "has no value in any row", "exclude it"),
    _Check("constant", lambda one, _: one["distinct"] == 1, _has_one_value, "exclude it"),
    _Check(
        "almost_constant",
        lambda one, rows: one["distinct"] > 1 and _top_share(one, rows) >= ALMOST,
        lambda one, rows: f"has the same value in {_top_share(one, rows):.1%} of the rows",
        "it tells little",
    ),
    _Check(
        "missing",
        lambda one, rows: one["distinct"] > 0 and one["missing"] >= MANY_GAPS * rows,
        lambda one, rows: f"is missing in {one['missing'] / rows:.0%} of the rows",
        "ask why; that it is missing may itself tell something",
    ),
    _Check(
        "identifier",
        identifier_like,
        lambda one, _: "differs in every row, like an identifier",
        "exclude it: it tells nothing about rows to come",
    ),
    _Check(
        "high_cardinality",
        lambda one, rows: (
            one["type"] == "category" and one["distinct"] > MANY_VALUES and not identifier_like(one, rows)
        ),
        lambda one, _: f"has {one['distinct']} different values",
        f"one-hot keeps the {MANY_VALUES - 1} most frequent apart and puts the others together",
    ),
)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
