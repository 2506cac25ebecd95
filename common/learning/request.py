"""Trainings as asked for: completed with all defaults, or everything that is wrong with them.

Pure, and free of scientific libraries: services call it before they accept a job. What only the rows can tell (whether
the positive class occurs, whether every class has enough rows) is left to the task.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from common.errors import Flaw
from common.learning import estimators, registry
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, UNSUPERVISED, AlgorithmEntry
from common.learning.choice import check_choice, feature_names, infer_task, target_column, task_of, without_target
from common.learning.hyperparameters import SEED_LIMIT, complete
from common.learning.preparation import about_features, by_type, complete_preparation

__all__ = ["complete_training", "infer_task"]

LEAST_ROWS = 4
"""Rows with a target that a training needs: two to learn from, and some to hold out."""

Completed = tuple[dict[str, Any], list[Flaw]]


def complete_training(
    request: Mapping[str, Any], dataset: Mapping[str, Any], described: Mapping[str, Any] | None = None
) -> Completed:
    """A training request (`contracts.jobs.TrainingRequest` as a dict) for a dataset version, with all defaults.

    `described` is what the catalogue says of an estimator by its qualified name (`contracts.catalogue.Algorithm`).

    Returns the completed request and all flaws; with a flaw the completed request is not to be used. Added are
    `task_reason`, `target_type`, `columns` (name and type of each feature), and for the dataset its id, name, version
    and digest.
    `positive_class` stays null unless it was given.
    """
    columns = {column["name"]: column for column in dataset["columns"]}
    flaws: list[Flaw] = []
    request = by_type(request, columns, flaws)
    entry = _entry(request, described)
    reason = without_target(request, entry.tasks if entry else (), flaws)
    target: Mapping[str, Any] | None = None
    task: str | None = request.get("task") or (entry.tasks[0] if entry else None)
    if reason is None:
        target = target_column(request, columns, flaws)
        task, reason = task_of(request, target, flaws)
    features = feature_names(request, columns, flaws, **about_features(request))
    prepared = complete_preparation(request, features, columns, flaws)
    split = _split(request, dataset["rows"], target, task, flaws)
    algorithm = _algorithm(request, entry, task, flaws)
    parameters = request.get("parameters") or {}
    if algorithm is not None:
        parameters, wrong = complete_parameters(parameters, algorithm, task, split["seed"], target)
        flaws += wrong
    positive = _positive_class(request, target, task, flaws)
    measures = _more_measures(request, task, flaws)
    completed = {
        **request,
        "dataset": identity(dataset),
        "target": request.get("target"),
        "target_type": None if target is None else str(target["type"]),
        "task": task,
        "task_reason": reason,
        "features": features,
        "columns": [{"name": name, "type": str(columns[name]["type"])} for name in features],
        "parameters": parameters,
        "measures": measures,
        "positive_class": positive,
        "split": split,
        "preprocessing": {"method": "automatic", "columns": prepared},
        "limits": {"seconds": None, "memory": None, **(request.get("limits") or {})},
    }
    completed.pop("exclude", None)  # it has become `features`
    return completed, flaws


def flaws_without_dataset(request: Mapping[str, Any], described: Mapping[str, Any] | None = None) -> list[Flaw]:
    """What is wrong with a training request whatever its dataset holds, which is not known; nor need its algorithm."""
    flaws: list[Flaw] = []
    entry = _entry(request, described)
    if without_target(request, entry.tasks if entry else (), flaws) is None and request.get("target") is None:
        flaws.append(Flaw("/target", "required", "say which column is to be predicted"))
    task, _ = task_of(request, None, flaws)
    if task is None and entry and len(entry.tasks) == 1:
        task = entry.tasks[0]
    check_choice(request, flaws)
    split = _split(request, None, None, task, flaws)
    if algorithm := _algorithm(request, entry, task, flaws):
        flaws += complete_parameters(request.get("parameters") or {}, algorithm, task, split["seed"], None)[1]
    _more_measures(request, task, flaws)
    return flaws


def _entry(request: Mapping[str, Any], described: Mapping[str, Any] | None) -> AlgorithmEntry | None:
    name = request["algorithm"]
    if described:
        return estimators.entry(name, described)
    return registry.algorithm(name) if name is not None else None


def identity(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What of a dataset version is kept with a request."""
    return {name: dataset[name] for name in ("id", "name", "version", "digest")}


def _split(
    request: Mapping[str, Any],
    rows: int | None,
    target: Mapping[str, Any] | None,
    task: str | None,
    flaws: list[Flaw],
) -> dict[str, Any]:
    """The division of so many rows; None: their number is not known."""
    split = {"test_share": 0.25, "seed": 0, "stratify": "auto", **(request.get("split") or {})}
    if split.get("train_rows") is None:
        split.pop("train_rows", None)
    elif task in UNSUPERVISED:
        flaws.append(Flaw("/split/train_rows", "conflict", f"for {task} all rows are learned from"))
    if task in UNSUPERVISED:
        split["test_share"] = 0.0  # nothing to compare held-out rows with
        split["stratify"] = "auto"
    share, seed, stratify = split["test_share"], split["seed"], split["stratify"]
    if task in UNSUPERVISED:
        if rows is not None and rows < LEAST_ROWS:
            detail = f"the dataset has {rows} rows; at least {LEAST_ROWS} are needed"
            flaws.append(Flaw("/dataset", "too_few_rows", detail))
    elif not _is_number(share) or not 0 < share < 1:
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
        detail = 'rows are divided by class, and a regression has no classes: leave stratify at "auto"'
        flaws.append(Flaw("/split/stratify", "conflict", detail, ("auto",)))
    if rows is not None and target is not None and task not in UNSUPERVISED:
        _check_rows(rows - target["missing"], share, target["name"], flaws)
    return split


def _check_rows(rows: int, share: float | None, target: str, flaws: list[Flaw]) -> None:
    if rows < LEAST_ROWS:
        detail = f"only {rows} rows have a value of the target {target!r}; at least {LEAST_ROWS} are needed"
        flaws.append(Flaw("/dataset", "too_few_rows", detail))
    elif share is not None and rows - math.ceil(rows * share) < 2:
        detail = f"of {rows} rows with a target, {share:g} held out leave fewer than two to learn from"
        flaws.append(Flaw("/split/test_share", "too_few_rows", detail))


def _algorithm(
    request: Mapping[str, Any], entry: AlgorithmEntry | None, task: str | None, flaws: list[Flaw]
) -> AlgorithmEntry | None:
    known, name = registry.algorithms(), request["algorithm"]
    if name is None:
        return None
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


def complete_parameters(
    given: Mapping[str, Any],
    algorithm: AlgorithmEntry,
    task: str | None,
    seed: Any,
    target: Mapping[str, Any] | None,
) -> Completed:
    """The hyper-parameters of an algorithm with their defaults, and what is wrong with those given."""
    if algorithm.open:
        known = algorithm.parameters[task or algorithm.tasks[0]]
        return dict(given), list(estimators.check(known, given)) if known else []
    # Without a task the flaws of its first one are still of use.
    values, wrong = complete(algorithm.parameters[task or algorithm.tasks[0]], given, seed)
    if not wrong:
        classes = target["distinct"] if target is not None and task == CLASSIFICATION else None
        wrong = list(algorithm.check(values, classes))
    return values, wrong


def _positive_class(
    request: Mapping[str, Any], target: Mapping[str, Any] | None, task: str | None, flaws: list[Flaw]
) -> Any:
    """The positive class asked for, in the type of the target: `1` on a command line may mean the category "1"."""
    value = request.get("positive_class")
    if value is None or target is None or task is None:
        return value
    kind, name, distinct = target["type"], target["name"], target["distinct"]
    if task != CLASSIFICATION:
        flaws.append(Flaw("/positive_class", "conflict", f"a {task} has no positive class"))
    elif distinct > 2:
        detail = f"the target {name!r} has {distinct} classes; only one of two can be the positive class"
        flaws.append(Flaw("/positive_class", "conflict", detail))
    elif kind in ("category", "text") and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    elif not _fits(value, kind):
        detail = f"{value!r} cannot be a value of the target {name!r}, which is {kind}"
        flaws.append(Flaw("/positive_class", "type", detail))
    return value


def _fits(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return _is_number(value)
    return isinstance(value, int) and not isinstance(value, bool) if kind == "integer" else isinstance(value, str)


def measures_asked(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> list[str]:
    """The measures that a request names; the usual ones of the task if it names none, every one for `all`.

    For a task that is not known every name of a measure is taken.
    """
    asked, known = request.get("measures"), registry.measures()
    if not asked:
        return [entry.name for entry in registry.measures_for(task)] if task else []
    fit = [entry.name for entry in known.values() if task is None or task in entry.tasks]
    if asked == ["all"]:
        return fit
    for position, name in enumerate(asked):
        pointer = f"/measures/{position}"
        if name not in known:
            near = tuple(difflib.get_close_matches(name, fit))
            where = f"for {task} there are" if task else "there are"
            detail = f"there is no measure {name!r}; {where}: {', '.join(fit)}"
            flaws.append(Flaw(pointer, "unknown_measure", detail, near))
        elif name not in fit:
            detail = f"{name} is for {', '.join(known[name].tasks)}; for {task} there are: {', '.join(fit)}"
            flaws.append(Flaw(pointer, "measure_task", detail, tuple(fit)))
    return list(dict.fromkeys(asked))


def _more_measures(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> list[str]:
    """The measures of a training: the usual ones of its task, and those asked for besides."""
    asked = measures_asked(request, task, flaws)
    usual = [entry.name for entry in registry.measures_for(task)] if task else []
    return list(dict.fromkeys([*usual, *asked]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
