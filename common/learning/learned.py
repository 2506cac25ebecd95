"""What a fitted estimator has learned, as JSON-safe values of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MOST_FEATURES = 100
MOST_CLASSES = 20


def by_feature(values: Iterable[Any], names: Sequence[str]) -> dict[str, float]:
    """Each feature's value, in the order of the features, at most the first `MOST_FEATURES`."""
    return {name: float(value) for name, value in zip(names[:MOST_FEATURES], values, strict=False)}


def importances(values: Iterable[Any], names: Sequence[str]) -> dict[str, float]:
    """Each feature's importance, greatest first, at most `MOST_FEATURES`."""
    pairs = sorted(((name, float(value)) for name, value in zip(names, values, strict=True)), key=lambda pair: -pair[1])
    return dict(pairs[:MOST_FEATURES])


def linear_terms(coefficients: Any, intercepts: Any, rows: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    """Coefficients and intercept of each row of a linear model; of many features, those with the largest coefficients.

    `rows` names what each row of the coefficients decides; a single row named None is given without a name.
    """
    table = [[float(value) for value in row] for row in coefficients]
    offsets = [float(value) for value in (intercepts if hasattr(intercepts, "__len__") else [intercepts])]
    offsets = offsets * len(table) if len(offsets) == 1 else offsets
    weight = [max(abs(row[i]) for row in table) for i in range(len(names))]
    kept = sorted(sorted(range(len(names)), key=lambda i: -weight[i])[:MOST_FEATURES])
    named = [{names[i]: row[i] for i in kept} for row in table]
    if len(rows) == 1 and rows[0] is None:
        return {"coefficients": named[0], "intercept": offsets[0]}
    labels = [str(row) for row in rows[:MOST_CLASSES]]
    return {
        "coefficients": dict(zip(labels, named, strict=False)),
        "intercept": dict(zip(labels, offsets, strict=False)),
    }
