"""What an estimator learned, small enough to read: coefficients, importances, sizes.

The fitted attributes are scikit-learn's; here they only become JSON, the largest figures first, and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MOST_FEATURES = 100
MOST_FIGURES = 400
"""Coefficients of all features and classes together: about 20 KB of JSON."""


def figures(values: Iterable[Any]) -> list[float]:
    """Numbers as JSON has them, six significant digits."""
    return [float(f"{float(value):.6g}") for value in values]


def by_size(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Features with their figures (`rows`: one per class or output, one column per feature), largest first.

    `{"shown": [{"feature", "values"}], "total"}`, where `shown` are at most 100 features.
    """
    total = len(names)
    width = max(1, len(rows))
    order = sorted(range(total), key=lambda column: -max(abs(float(row[column])) for row in rows))
    kept = order[: max(1, min(MOST_FEATURES, MOST_FIGURES // width))]
    shown = [
        {"feature": names[column][:80], "values": figures([row[column] for row in rows[:MOST_FIGURES]])}
        for column in kept
    ]
    return {"shown": shown, "total": total}


def importances(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Impurity-based importances (Breiman 2001), which add up to 1; largest first."""
    return by_size(names, [values])


def linear(estimator: Any, names: Sequence[str]) -> dict[str, Any]:
    """Coefficients and intercepts; one row per class, or a single row for two classes and for regression."""
    rows = estimator.coef_.reshape(-1, len(names))
    intercepts = estimator.intercept_ if hasattr(estimator.intercept_, "__len__") else [estimator.intercept_]
    return {
        "coefficients": by_size(names, [list(row) for row in rows]),
        "intercepts": figures(list(intercepts)[:MOST_FIGURES]),
    }
