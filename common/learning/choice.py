"""The columns of a training request: which one is predicted, which ones are learned from, and what task that is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from common.contracts.jobs import FEW_VALUES
from common.errors import Flaw
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, TASKS, UNSUPERVISED

USABLE = ("number", "integer", "category", "boolean")
"""Types of columns that can be features; datetime and text are left out."""
MOST_CLASSES = 1000
"""A confusion matrix of more would be larger than a result may be."""
_LABELS = ("category", "boolean", "text", "integer")
_NUMBERS = ("integer", "number")

Columns = Mapping[str, Mapping[str, Any]]
"""The columns of a dataset version by name, as `contracts.datasets.Column` documents."""


def infer_task(column: Mapping[str, Any], distinct: int) -> tuple[str, str]:
    """The task that fits a target column with so many distinct values, and why, in words."""
    kind, name = str(column["type"]), column["name"]
    if kind in ("category", "boolean", "text"):
        return CLASSIFICATION, f"the target {name!r} is {kind}"
    if kind == "integer" and distinct <= FEW_VALUES:
        return (
            CLASSIFICATION,
            f"the target {name!r} is integer with {distinct} distinct values (at most {FEW_VALUES})",
        )
    if kind == "integer":
        return (
            REGRESSION,
            f"the target {name!r} is integer with {distinct} distinct values (more than {FEW_VALUES})",
        )
    return REGRESSION, f"the target {name!r} is {kind}"


def without_target(request: Mapping[str, Any], algorithm_tasks: Sequence[str], flaws: list[Flaw]) -> str | None:
    """Why a request has no target: its task has none, or its algorithm serves no other; None if it should have one.

    A target that is given all the same is a flaw.
    """
    task, target = request.get("task"), request.get("target")
    if task in UNSUPERVISED:
        reason = "asked for"
    elif task is None and algorithm_tasks and set(algorithm_tasks) <= set(UNSUPERVISED):
        reason = f"{request['algorithm']} needs no target"
    else:
        return None
    if target is not None:
        told = task or algorithm_tasks[0]
        detail = f"for {told} there is no target: leave it out, and exclude {target!r} if it is not to be learned from"
        flaws.append(Flaw("/target", "conflict", detail))
    return reason


def target_column(request: Mapping[str, Any], columns: Columns, flaws: list[Flaw]) -> Mapping[str, Any] | None:
    """The target of a request, if it is a column; what is wrong with it is added to `flaws`."""
    name = request.get("target")
    if name is None:
        detail = f"say which column is to be predicted; there are: {_listed(columns)}"
        flaws.append(Flaw("/target", "required", detail))
        return None
    column = columns.get(name)
    if column is None:
        flaws.append(unknown_column("/target", name, columns))
    elif column["type"] == "datetime":
        flaws.append(Flaw("/target", "column_type", f"column {name!r} is datetime, which cannot be predicted"))
    elif column["distinct"] < 2:
        has = "one distinct value" if column["distinct"] == 1 else "no values"
        flaws.append(Flaw("/target", "constant", f"column {name!r} has {has}: there is nothing to learn"))
    return column


def check_choice(request: Mapping[str, Any], flaws: list[Flaw]) -> None:
    """Add what is wrong with the choice of features whatever columns there are."""
    asked = request.get("features")
    if asked is not None and request.get("exclude") is not None:
        flaws.append(Flaw("/exclude", "conflict", "give features or exclude, not both"))
    if asked is not None and not asked:
        flaws.append(Flaw("/features", "no_features", "name at least one column to learn from"))


def feature_names(
    request: Mapping[str, Any],
    columns: Columns,
    flaws: list[Flaw],
    *,
    ignored: Collection[str] = (),
    hashed: Collection[str] = (),
) -> list[str]:
    """The features of a request, all columns but the target unless it says otherwise; flaws are added.

    Its preprocessing leaves out the `ignored` columns and makes features of the `hashed` ones, which are texts.
    """
    asked, excluded, target = request.get("features"), request.get("exclude"), request.get("target")
    check_choice(request, flaws)
    for position, name in enumerate(excluded or ()):
        if name not in columns:
            flaws.append(unknown_column(f"/exclude/{position}", name, columns))
    if asked is None:
        left_out = {target, *(excluded or ()), *ignored}
        chosen = [name for name in columns if name not in left_out]
        if not any(columns[name]["type"] in USABLE or name in hashed for name in chosen):
            where = "/exclude" if excluded else "/preprocessing" if ignored else "/dataset"
            detail = "no column is left to learn from: features are number, integer, category or boolean columns"
            flaws.append(Flaw(where, "no_features", detail))
        return chosen
    good: list[str] = []
    for position, name in enumerate(asked):
        flaw = _feature_flaw(f"/features/{position}", name, columns, target, good, hashed)
        if flaw is None:
            good.append(name)
        else:
            flaws.append(flaw)
    return good


def _feature_flaw(
    pointer: str, name: str, columns: Columns, target: str | None, before: Sequence[str], hashed: Collection[str]
) -> Flaw | None:
    if name not in columns:
        return unknown_column(pointer, name, columns)
    if name == target:
        return Flaw(pointer, "target_as_feature", f"column {name!r} is the target; it cannot be a feature too")
    if name in before:
        return Flaw(pointer, "duplicate", f"column {name!r} is named twice")
    kind = columns[name]["type"]
    if kind not in USABLE and name not in hashed:
        detail = f"column {name!r} is {kind}; features are number, integer, category or boolean columns"
        detail += ", and texts that are prepared by hashing" if kind == "text" else ""
        return Flaw(pointer, "column_type", detail)
    return None


def task_of(
    request: Mapping[str, Any], target: Mapping[str, Any] | None, flaws: list[Flaw]
) -> tuple[str | None, str | None]:
    """The task of a request and the reason for it, as far as they can be told; flaws are added."""
    task = request.get("task")
    if task is not None and task not in TASKS:
        near = tuple(difflib.get_close_matches(str(task), TASKS))
        flaws.append(Flaw("/task", "unknown_task", f"there is no task {task!r}; there are: {', '.join(TASKS)}", near))
        return None, None
    if target is None or target["type"] == "datetime":
        return task, None if task is None else "asked for"
    if task is None:
        task, reason = infer_task(target, target["distinct"])
    else:
        reason = "asked for"
        if target["type"] not in (_LABELS if task == CLASSIFICATION else _NUMBERS):
            flaws.append(_wrong_task(target, task))
    if task == CLASSIFICATION and target["distinct"] > MOST_CLASSES:
        detail = f"the target {target['name']!r} has {target['distinct']} classes; at most {MOST_CLASSES} are possible"
        hint = (REGRESSION,) if target["type"] in _NUMBERS else ()
        flaws.append(Flaw("/target", "too_many_classes", detail, hint))
    return task, reason


def _wrong_task(target: Mapping[str, Any], task: str) -> Flaw:
    name, kind = target["name"], target["type"]
    if task == CLASSIFICATION:
        detail = (
            f"the target {name!r} is {kind}, which is an amount; to take its values for classes change its type: "
            f"datasets set DATASET --type {name}=category"
        )
        return Flaw("/task", "column_type", detail, (REGRESSION,))
    detail = f"the target {name!r} is {kind}; regression predicts numbers and integers"
    return Flaw("/task", "column_type", detail, (CLASSIFICATION,))


def unknown_column(pointer: str, name: str, columns: Columns) -> Flaw:
    """The flaw of a name that is no column."""
    near = difflib.get_close_matches(name, columns)
    if not near:
        near = [column for column in columns if column.casefold() == name.casefold()]
    detail = f"there is no column {name!r}; there are: {_listed(columns)}"
    return Flaw(pointer, "unknown_column", detail, tuple(near))


def _listed(names: Columns, most: int = 30) -> str:
    shown = ", ".join(list(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
