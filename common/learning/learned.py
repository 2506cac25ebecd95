"""What an estimator learned, small enough to read: coefficients, importances, sizes.

The fitted attributes are scikit-learn's; here they only become JSON, the largest figures first, and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MOST_FEATURES = 100
MOST_ROWS = 100
MOST_FIGURES = 400
"""Coefficients of all features and classes together; with the names about 20 KB of JSON."""


def figures(values: Iterable[Any]) -> list[float]:
    """Numbers as JSON has them, six significant digits."""
    return [float(f"{float(value):.6g}") for value in values]


def by_size(names: Sequence[str], rows: Sequence[Sequence[Any]], labels: Sequence[Any] = ()) -> dict[str, Any]:
    """Features with their figures (`rows`: one per class or output, one column per feature), largest first.

    `{"labels", "shown": [{"feature", "values"}], "total"}`: `labels` name the rows and so the values of each feature,
    `shown` are at most 100 features of `total`; of many classes the first 100.
    """
    kept_rows = rows[:MOST_ROWS]
    order = sorted(range(len(names)), key=lambda column: -max(abs(float(row[column])) for row in kept_rows))
    kept = order[: max(1, min(MOST_FEATURES, MOST_FIGURES // len(kept_rows)))]
    shown = [
        {"feature": _short(names[column], 80), "values": figures(row[column] for row in kept_rows)} for column in kept
    ]
    named = {"labels": [_short(str(label), 30) for label in labels[:MOST_ROWS]]} if len(labels) else {}
    return {**named, "shown": shown, "total": len(names)}


def importances(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Impurity-based importances (Breiman 2001), which add up to 1; largest first."""
    return by_size(names, [values])


def linear(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    """Coefficients and intercepts: one row per class, of two classes only the second's, of a regression one."""
    rows = list(estimator.coef_.reshape(-1, len(names)))
    classes = list(getattr(estimator, "classes_", ()))
    labels = classes if len(rows) == len(classes) else classes[1:]
    intercepts = estimator.intercept_ if hasattr(estimator.intercept_, "__len__") else [estimator.intercept_]
    return {
        "coefficients": by_size(names, rows, labels),
        "intercepts": figures(list(intercepts)[:MOST_ROWS]),
    }


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
