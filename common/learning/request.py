"""Trainings and evaluations as asked for: completed with all defaults, or everything that is wrong with them.

Pure, and free of scientific libraries: services call it before they accept a job. What only the rows can tell (whether
the positive class occurs, whether every class has enough rows) is left to the task.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Flaw
from common.learning import registry
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, AlgorithmEntry
from common.learning.hyperparameters import SEED_LIMIT, complete

TASKS = (CLASSIFICATION, REGRESSION)
USABLE = ("number", "integer", "category", "boolean")
"""Types of columns that can be features; datetime and text are left out."""
FEW_VALUES = 10
"""An integer target with at most so many distinct values is taken for a class."""
MOST_CLASSES = 1000
LEAST_ROWS = 4
_LABELS = ("category", "boolean", "text", "integer", "number")
_NUMBERS = ("integer", "number")

Completed = tuple[dict[str, Any], list[Flaw]]


def infer_task(column: Mapping[str, Any], distinct: int) -> tuple[str, str]:
    """The task that fits a target column with so many distinct values, and why, in words."""
    kind, name = str(column["type"]), column["name"]
    if kind in ("category", "boolean", "text"):
        return CLASSIFICATION, f"the target {name!r} is {kind}"
    if kind == "integer" and distinct <= FEW_VALUES:
        return CLASSIFICATION, f"the target {name!r} is integer with {distinct} distinct values (at most {FEW_VALUES})"
    if kind == "integer":
        return REGRESSION, f"the target {name!r} is integer with {distinct} distinct values (more than {FEW_VALUES})"
    return REGRESSION, f"the target {name!r} is {kind}"


def complete_training(request: Mapping[str, Any], dataset: Mapping[str, Any]) -> Completed:
    """A training request (`contracts.jobs.TrainingRequest` as a dict) for a dataset version, with all defaults.

    Returns the completed request and all flaws; with a flaw the completed request is not to be used. Added are
    `task_reason`, `target_type`, `columns` (name and type of each feature), and for the dataset its id, name, version
    and digest.
    `positive_class` stays null unless it was given.
    """
    columns = {column["name"]: column for column in dataset["columns"]}
    flaws: list[Flaw] = []
    target = _target(request, columns, flaws)
    features = _features(request, columns, flaws)
    task, reason = _task(request, target, flaws)
    split = _split(request, dataset, target, task, flaws)
    algorithm = _algorithm(request, task, flaws)
    parameters = _parameters(request, algorithm, task, split["seed"], target, flaws)
    _check_positive_class(request, target, task, flaws)
    _check_preprocessing(request, flaws)
    completed = {
        **request,
        "dataset": _identity(dataset),
        "target": request.get("target"),
        "target_type": None if target is None else str(target["type"]),
        "task": task,
        "task_reason": reason,
        "features": features,
        "columns": [{"name": name, "type": str(columns[name]["type"])} for name in features],
        "parameters": parameters,
        "positive_class": request.get("positive_class"),
        "split": split,
        "preprocessing": {"method": "automatic"},
        "limits": {"seconds": None, "memory": None, **(request.get("limits") or {})},
    }
    completed.pop("exclude", None)  # it has become `features`
    return completed, flaws


def complete_evaluation(
    request: Mapping[str, Any], training: Mapping[str, Any], dataset: Mapping[str, Any] | None
) -> Completed:
    """An evaluation request (`contracts.jobs.EvaluationRequest` as a dict) for a succeeded training, with all defaults.

    `training` holds the completed `request` and the `result` of the training; `dataset` is the version to evaluate
    on, or None for the training's held-out rows. Returns the completed request and all flaws.
    """
    trained, result = training["request"], training["result"]
    flaws: list[Flaw] = []
    measures = _measures(request, trained["task"], flaws)
    if dataset is not None:
        _check_fit(dataset, result["features"], trained["target"], flaws)
    completed = {
        **request,
        "measures": measures,
        "dataset": None if dataset is None else _identity(dataset),
        "limits": {"seconds": None, "memory": None, **(request.get("limits") or {})},
    }
    return completed, flaws


def _identity(dataset: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dataset[name] for name in ("id", "name", "version", "digest")}


def _target(request: Mapping[str, Any], columns: Mapping[str, Any], flaws: list[Flaw]) -> Mapping[str, Any] | None:
    name = request.get("target")
    if name is None:
        detail = f"say which column is to be predicted; there are: {_listed(columns)}"
        flaws.append(Flaw("/target", "required", detail, tuple(list(columns)[-3:])))
        return None
    column: Mapping[str, Any] | None = columns.get(name)
    if column is None:
        flaws.append(_unknown_column("/target", name, columns))
    elif column["type"] == "datetime":
        flaws.append(Flaw("/target", "column_type", f"column {name!r} is datetime, which cannot be predicted"))
    elif column["distinct"] < 2:
        has = "one distinct value" if column["distinct"] == 1 else "no values"
        flaws.append(Flaw("/target", "constant", f"column {name!r} has {has}: there is nothing to learn"))
    return column


def _features(request: Mapping[str, Any], columns: Mapping[str, Any], flaws: list[Flaw]) -> list[str]:
    asked, excluded, target = request.get("features"), request.get("exclude"), request.get("target")
    if asked is not None and excluded is not None:
        flaws.append(Flaw("/exclude", "conflict", "give features or exclude, not both"))
    for position, name in enumerate(excluded or ()):
        if name not in columns:
            flaws.append(_unknown_column(f"/exclude/{position}", name, columns))
    if asked is None:
        left_out = {target, *(excluded or ())}
        chosen = [name for name in columns if name not in left_out]
        if not any(columns[name]["type"] in USABLE for name in chosen):
            where = "/exclude" if excluded else "/dataset"
            detail = "no column is left to learn from: features are number, integer, category or boolean columns"
            flaws.append(Flaw(where, "no_features", detail))
        return chosen
    if not asked:
        flaws.append(Flaw("/features", "no_features", "name at least one column to learn from"))
    good = []
    for position, name in enumerate(asked):
        flaw = _feature_flaw(f"/features/{position}", name, columns, target, good)
        if flaw is None:
            good.append(name)
        else:
            flaws.append(flaw)
    return good


def _feature_flaw(
    pointer: str, name: str, columns: Mapping[str, Any], target: str | None, before: Sequence[str]
) -> Flaw | None:
    if name not in columns:
        return _unknown_column(pointer, name, columns)
    if name == target:
        return Flaw(pointer, "target_as_feature", f"column {name!r} is the target; it cannot be a feature too")
    if name in before:
        return Flaw(pointer, "duplicate", f"column {name!r} is named twice")
    kind = columns[name]["type"]
    if kind not in USABLE:
        detail = f"column {name!r} is {kind}; features are number, integer, category or boolean columns"
        return Flaw(pointer, "column_type", detail)
    return None


def _task(
    request: Mapping[str, Any], target: Mapping[str, Any] | None, flaws: list[Flaw]
) -> tuple[str | None, str | None]:
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
            detail = f"the target {target['name']!r} is {target['type']}: regression predicts number and integer columns"
            flaws.append(Flaw("/task", "column_type", detail, (CLASSIFICATION,)))
    if task == CLASSIFICATION and target["distinct"] > MOST_CLASSES:
        detail = f"the target {target['name']!r} has {target['distinct']} classes; at most {MOST_CLASSES} are possible"
        hint = (REGRESSION,) if target["type"] in _NUMBERS else ()
        flaws.append(Flaw("/target", "too_many_classes", detail, hint))
    return task, reason


def _split(
    request: Mapping[str, Any],
    dataset: Mapping[str, Any],
    target: Mapping[str, Any] | None,
    task: str | None,
    flaws: list[Flaw],
) -> dict[str, Any]:
    split = {"test_share": 0.25, "seed": 0, "stratify": "auto", **(request.get("split") or {})}
    share, seed, stratify = split["test_share"], split["seed"], split["stratify"]
    if not _is_number(share) or not 0 < share < 1:
        detail = f"the share of held-out rows must be a number > 0 and < 1; {share!r} is not"
        flaws.append(Flaw("/split/test_share", "range", detail))
        share = None
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= SEED_LIMIT:
        detail = f"the seed must be an integer of 0 to {SEED_LIMIT}; {seed!r} is not"
        flaws.append(Flaw("/split/seed", "range", detail))
    if stratify != "auto" and not isinstance(stratify, bool):
        detail = f'stratify must be "auto", true or false; {stratify!r} is not'
        flaws.append(Flaw("/split/stratify", "option", detail, ("auto",)))
    elif stratify is True and task == REGRESSION:
        detail = "rows are divided by class, and a regression has no classes: leave stratify at \"auto\""
        flaws.append(Flaw("/split/stratify", "conflict", detail, ("auto",)))
    if target is not None:
        _check_rows(dataset["rows"] - target["missing"], share, target["name"], flaws)
    return split


def _check_rows(rows: int, share: float | None, target: str, flaws: list[Flaw]) -> None:
    if rows < LEAST_ROWS:
        detail = f"only {rows} rows have a value of the target {target!r}; at least {LEAST_ROWS} are needed"
        flaws.append(Flaw("/dataset", "too_few_rows", detail))
    elif share is not None and rows - math.ceil(rows * share) < 2:
        detail = f"of {rows} rows with a target, {share:g} held out leave fewer than two to learn from"
        flaws.append(Flaw("/split/test_share", "too_few_rows", detail))


def _algorithm(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> AlgorithmEntry | None:
    known, name = registry.algorithms(), request["algorithm"]
    entry = known.get(name)
    if entry is None:
        near = tuple(difflib.get_close_matches(name.lower().replace(" ", "_"), known))
        detail = f"there is no algorithm {name!r}; there are: {', '.join(known)}"
        flaws.append(Flaw("/algorithm", "unknown_algorithm", detail, near))
    elif task is not None and task not in entry.tasks:
        fit = tuple(other.name for other in known.values() if task in other.tasks)
        detail = f"{name} is for {', '.join(entry.tasks)}; for {task} there are: {', '.join(fit)}"
        flaws.append(Flaw("/algorithm", "algorithm_task", detail, fit))
        return None
    return entry


def _parameters(
    request: Mapping[str, Any],
    algorithm: AlgorithmEntry | None,
    task: str | None,
    seed: Any,
    target: Mapping[str, Any] | None,
    flaws: list[Flaw],
) -> dict[str, Any]:
    given: dict[str, Any] = request.get("parameters") or {}
    if algorithm is None:
        return given
    # Without a task the flaws of its first one are still of use.
    values, wrong = complete(algorithm.parameters[task or algorithm.tasks[0]], given, seed)
    if not wrong:
        classes = target["distinct"] if target is not None and task == CLASSIFICATION else None
        wrong = list(algorithm.check(values, classes))
    flaws.extend(wrong)
    return values


def _check_positive_class(
    request: Mapping[str, Any], target: Mapping[str, Any] | None, task: str | None, flaws: list[Flaw]
) -> None:
    value = request.get("positive_class")
    if value is None or target is None or task is None:
        return
    kind, distinct = target["type"], target["distinct"]
    wanted = {"boolean": bool, "integer": int, "number": (int, float)}.get(kind, str)
    if task != CLASSIFICATION:
        flaws.append(Flaw("/positive_class", "conflict", f"a {task} has no positive class"))
    elif distinct > 2:
        detail = f"the target {target['name']!r} has {distinct} classes; only one of two can be the positive class"
        flaws.append(Flaw("/positive_class", "conflict", detail))
    elif not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        detail = f"{value!r} cannot be a value of the target {target['name']!r}, which is {kind}"
        flaws.append(Flaw("/positive_class", "type", detail))


def _check_preprocessing(request: Mapping[str, Any], flaws: list[Flaw]) -> None:
    given = request.get("preprocessing")
    if given not in (None, {}, {"method": "automatic"}):
        detail = 'the only preprocessing is {"method": "automatic"}: by the type of each column'
        flaws.append(Flaw("/preprocessing", "option", detail))


def _measures(request: Mapping[str, Any], task: str, flaws: list[Flaw]) -> list[str]:
    asked, known = request.get("measures"), registry.measures()
    if not asked:
        return [entry.name for entry in registry.measures_for(task)]
    fit = [entry.name for entry in known.values() if task in entry.tasks]
    for position, name in enumerate(asked):
        pointer = f"/measures/{position}"
        if name not in known:
            near = tuple(difflib.get_close_matches(name, fit))
            detail = f"there is no measure {name!r}; for {task} there are: {', '.join(fit)}"
            flaws.append(Flaw(pointer, "unknown_measure", detail, near))
        elif name not in fit:
            detail = f"{name} is for {', '.join(known[name].tasks)}; for {task} there are: {', '.join(fit)}"
            flaws.append(Flaw(pointer, "measure_task", detail, tuple(fit)))
    return list(dict.fromkeys(asked))


def _check_fit(
    dataset: Mapping[str, Any], features: Sequence[Mapping[str, Any]], target: str, flaws: list[Flaw]
) -> None:
    columns = {column["name"]: column for column in dataset["columns"]}
    for name in (*(feature["name"] for feature in features), target):
        if name not in columns:
            role = "target" if name == target else "feature"
            near = tuple(difflib.get_close_matches(name, columns))
            detail = f"dataset {dataset['name']!r} has no column {name!r}, the training's {role}"
            flaws.append(Flaw("/dataset", "missing_column", detail, near))
    if target in columns and columns[target]["missing"] >= dataset["rows"]:
        detail = f"no row of dataset {dataset['name']!r} has a value of the target {target!r}"
        flaws.append(Flaw("/dataset", "too_few_rows", detail))


def _unknown_column(pointer: str, name: str, columns: Mapping[str, Any]) -> Flaw:
    near = difflib.get_close_matches(name, columns)
    if not near:
        near = [column for column in columns if column.casefold() == name.casefold()]
    detail = f"there is no column {name!r}; there are: {_listed(columns)}"
    return Flaw(pointer, "unknown_column", detail, tuple(near))


def _listed(names: Mapping[str, Any], most: int = 30) -> str:
    shown = ", ".join(list(names)[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
