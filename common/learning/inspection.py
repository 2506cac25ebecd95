"""What a fitted pipeline makes of its columns: permutation importance and partial dependence, as scikit-learn has them.

Both are of the whole pipeline and of columns of the dataset, not of what preprocessing makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import partial_dependence, permutation_importance

from common import errors
from common.learning import measuring, registry
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.evaluation_request import usual_measure
from common.learning.measures.entry import MeasureEntry
from common.learning.notes import Notes
from common.learning.sample import Sample

MOST_DRAWN = 6
"""Columns whose partial dependence is drawn unless their names are told: those whose permutation matters most."""
_MOST_CLASSES = 10
_ENDS = (0.05, 0.95)
_LOOK: Mapping[str, Any] = {"repeats": 2, "rows": 1000, "seed": 0}
"""How those are found when nobody asked for the importance: a short look."""

Tell = Callable[[str, float, str], None]


def importance(
    model: Any, task: str, rows: Sample, positive: Any, asked: Mapping[str, Any], notes: Notes, tell: Tell
) -> dict[str, Any]:
    """`{measure, direction, repeats, rows, seed, value, columns: [{name, mean, std, values}]}`, the largest mean first.

    `asked` is a completed `contracts.jobs.PermutationImportance`. `value` is the measure of the rows as they are, each
    of `values` by how much it gets worse when the column is shuffled once. Columns that tell the same stand in for each
    other, and so each looks less important than it is (Breiman 2001). A figure is null where the measure is undefined.
    """
    entry, drawn = registry.measures()[asked["measure"]], _drawn(rows, asked)
    names, total = list(asked["columns"]), len(asked["columns"]) * asked["repeats"] + 1
    fixed, count, sign = drawn.features.copy(), 0, -1 if entry.direction == "lower" else 1

    def score(_: Any, shuffled: pd.DataFrame, __: Any) -> float:
        nonlocal count
        tell("permute", count / total, f"{count} of {total} predictions")
        count += 1
        frame = fixed.assign(**{name: shuffled[name].to_numpy() for name in names}).astype(fixed.dtypes)
        found = _figure(model, task, Sample(frame, drawn.target, 0), positive, entry)
        return float("nan") if found is None else sign * found

    found = permutation_importance(
        model,
        drawn.features[names],
        np.zeros(len(drawn)),  # the measure has the target already, in its own type
        scoring=score,
        n_repeats=asked["repeats"],
        random_state=asked["seed"],
    )
    columns = [
        {
            "name": name,
            "mean": _number(values.mean()),
            "std": _number(values.std()),
            "values": [_number(value) for value in values],
        }
        for name, values in zip(names, found.importances, strict=True)
    ]
    if any(column["mean"] is None for column in columns):
        notes.add(f"the importance of some columns is not known: {entry.name} is undefined when they are shuffled")
    columns.sort(key=lambda column: -np.inf if column["mean"] is None else column["mean"], reverse=True)
    value = _figure(model, task, drawn, positive, entry)
    about = {"measure": entry.name, "direction": entry.direction, "rows": len(drawn), "value": value}
    return {**about, "repeats": asked["repeats"], "seed": asked["seed"], "columns": columns}


def looked_at(
    model: Any, task: str, rows: Sample, positive: Any, columns: Sequence[str], tell: Tell
) -> list[dict[str, Any]]:
    """The importance of columns from a short look, to choose by."""
    asked = {**_LOOK, "measure": usual_measure(task), "columns": columns}
    found: list[dict[str, Any]] = importance(model, task, rows, positive, asked, Notes(), tell)["columns"]
    return found


def dependence(
    model: Any,
    task: str,
    rows: Sample,
    types: Mapping[str, str],
    positive: Any,
    asked: Mapping[str, Any],
    notes: Notes,
    tell: Tell,
) -> dict[str, Any]:
    """`{response, rows, seed, columns: [{name, type, values, curves: [{label, average}]}]}`.

    `asked` is `contracts.jobs.PartialDependence` with its columns. `response` is what is averaged: `probability` or
    `decision` of a class (of two the positive one, of more the ten most frequent), or `prediction`, a number. Columns
    that go together are torn apart by this: it also answers for rows that never occur (Friedman 2001).
    """
    drawn = _drawn(rows, asked)
    frame = drawn.features.copy()
    for name in frame.columns:
        if pd.api.types.is_integer_dtype(frame[name].dtype) and name in asked["columns"]:
            frame[name] = frame[name].astype("float64")  # else scikit-learn fears that values are rounded
    response = _response(model, task)
    columns: list[dict[str, Any]] = []
    for number, name in enumerate(asked["columns"]):
        tell("partial dependence", number / len(asked["columns"]), name)
        values = _values(frame[name], types[name], asked["points"])
        if len(values) < 2:
            notes.add(f"no partial dependence of column {name!r}: it has fewer than two values")
            continue
        with notes.of_warnings(f"partial dependence of {name}"):
            try:
                found = partial_dependence(
                    model, frame, [name], custom_values={name: values}, method="brute", kind="average"
                )
            except ValueError as error:
                raise errors.BadData(f"no partial dependence of column {name!r}: {error}") from error
        curves = _curves(found["average"], drawn, task, measuring.classes(model), positive, response)
        columns.append({"name": name, "type": types[name], "values": values.tolist(), "curves": curves})
    return {"response": response, "rows": len(drawn), "seed": asked["seed"], "columns": columns}


def _values(column: pd.Series[Any], kind: str, points: int) -> np.ndarray[Any, Any]:
    """The values to put in: of numbers as scikit-learn's grid, else the most frequent in their order of frequency."""
    known = column.dropna()
    if kind not in ("number", "integer"):
        return np.asarray(known.value_counts().index[:points].to_numpy(), dtype=object)
    distinct = np.unique(known.to_numpy(dtype=float))
    if len(distinct) <= points:
        return distinct
    low, high = np.quantile(known.to_numpy(dtype=float), _ENDS)
    return np.linspace(low, high, points) if high > low else distinct[:: max(1, len(distinct) // points)][:points]


def _response(model: Any, task: str) -> str:
    if task != CLASSIFICATION:
        return "prediction"
    return "probability" if hasattr(model, "predict_proba") else "decision"


def _curves(
    average: np.ndarray[Any, Any], rows: Sample, task: str, labels: tuple[Any, ...], positive: Any, response: str
) -> list[dict[str, Any]]:
    if task != CLASSIFICATION:
        return [{"label": None, "average": _rounded(average[0])}]
    if len(labels) == 2:
        other = positive == labels[0]  # scikit-learn's is the second
        turned = (1 - average[0] if response == "probability" else -average[0]) if other else average[0]
        return [{"label": positive, "average": _rounded(turned)}]
    counts = [int((rows.target == label).sum()) for label in labels]
    shown = sorted(sorted(range(len(labels)), key=lambda at: -counts[at])[:_MOST_CLASSES])
    return [{"label": labels[at], "average": _rounded(average[at])} for at in shown]


def _figure(model: Any, task: str, rows: Sample, positive: Any, entry: MeasureEntry) -> float | None:
    quiet = Notes()
    predictions = measuring.predict(model, task, rows, positive, quiet, "rows")
    return measuring.measure(predictions, [entry], quiet, "rows")[entry.name]


def _drawn(rows: Sample, asked: Mapping[str, Any]) -> Sample:
    """At most so many of the rows, in their order."""
    if len(rows) > asked["rows"]:
        chosen = np.random.default_rng(asked["seed"]).choice(len(rows), asked["rows"], replace=False)
        rows = rows.rows(np.sort(chosen))
    return Sample(rows.features.reset_index(drop=True), rows.target, rows.dropped)


def _number(value: float) -> float | None:
    return round(float(value), 9) if np.isfinite(value) else None


def _rounded(values: np.ndarray[Any, Any]) -> list[float]:
    return [round(float(value), 6) for value in values]
