"""Evaluations as asked for: completed with all defaults, or everything that is wrong with them.

Pure, like `request`: what only the rows can tell is left to the task.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Flaw
from common.learning import registry
from common.learning.algorithms.entry import CLASSIFICATION, UNSUPERVISED
from common.learning.choice import unknown_column
from common.learning.request import Completed, identity, measures_asked

TRAINED_ANEW = ("cross_validation", "learning_curve")
"""Forms of evaluation that measure the algorithm, on rows of the training, instead of its model."""
OF_THE_MODEL = ("permutation_importance", "partial_dependence")
MOST_PERMUTED = 100
"""How many features are permuted unless their names are told."""


def complete_evaluation(
    request: Mapping[str, Any], training: Mapping[str, Any], dataset: Mapping[str, Any] | None
) -> Completed:
    """An evaluation request (`contracts.jobs.EvaluationRequest` as a dict) for a succeeded training, with all defaults.

    `training` holds the completed `request` and the `result` of the training; `dataset` is the version to evaluate
    on, or None for the training's held-out rows. Returns the completed request and all flaws.
    """
    trained, result = training["request"], training["result"]
    flaws: list[Flaw] = []
    measures = measures_asked(request, trained["task"], flaws)
    _check_confidence(request, trained["task"], flaws)
    _check_folds(request, trained["task"], flaws)
    if dataset is not None and not registry.trained(trained["algorithm"]).predicts:
        detail = f"{trained['algorithm']} says nothing of rows that it has not learned from"
        flaws.append(Flaw("/dataset", "conflict", detail))
    elif dataset is not None:
        _check_fit(dataset, result["features"], trained["target"], flaws)
    completed = {
        **request,
        "measures": measures,
        "dataset": None if dataset is None else identity(dataset),
        **_looks(request, trained["task"], result["features"], flaws),
        "limits": {"seconds": None, "memory": None, **(request.get("limits") or {})},
    }
    return completed, flaws


def flaws_without_training(request: Mapping[str, Any]) -> list[Flaw]:
    """What is wrong with an evaluation request whatever its training is, which is not known."""
    flaws: list[Flaw] = []
    measures_asked(request, None, flaws)
    _check_folds(request, None, flaws)
    _check_importance(request, None, flaws)
    return flaws


def usual_measure(task: str) -> str:
    """What the importance of columns is told in unless another measure is asked for."""
    return "balanced_accuracy" if task == CLASSIFICATION else "r2"


def by_column(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """The column that groups or orders the rows, with its JSON pointer; None if there is none."""
    for form in TRAINED_ANEW:
        if column := (request.get(form) or {}).get("column"):
            return column, f"/{form}/column"
    return None


def check_column(by: tuple[str, str], dataset: Mapping[str, Any]) -> list[Flaw]:
    """What is wrong with the column that groups or orders rows, if anything."""
    (name, pointer), columns = by, {column["name"]: column for column in dataset["columns"]}
    return [] if name in columns else [unknown_column(pointer, name, columns)]


def _check_confidence(request: Mapping[str, Any], task: str, flaws: list[Flaw]) -> None:
    if request.get("confidence") and task in UNSUPERVISED:
        detail = "a measure of groups has no interval from resampled rows: the same row twice is a group of its own"
        flaws.append(Flaw("/confidence", "conflict", detail))


def _check_folds(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> None:
    form = next((form for form in TRAINED_ANEW if request.get(form)), None)
    if form is None:
        return
    if task in UNSUPERVISED:
        flaws.append(Flaw(f"/{form}", "conflict", f"for {task} there is no truth to hold out"))
    for other in ("dataset", "confidence"):
        if request.get(other):
            detail = (
                f"folds are of the training's own rows, and their spread tells how sure they are: leave out {other}"
            )
            flaws.append(Flaw(f"/{other}", "conflict", detail))
    for other in (*TRAINED_ANEW, *OF_THE_MODEL):
        if other != form and request.get(other):
            detail = f"{form} trains anew, on folds: ask for {other} in an evaluation of its own"
            flaws.append(Flaw(f"/{other}", "conflict", detail))
    asked = request[form]
    if (asked["column"] is None) != (asked["method"] == "plain"):
        detail = "the methods grouped and time need a column, and plain takes none"
        flaws.append(Flaw(f"/{form}/column", "conflict", detail))


def _check_importance(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> None:
    if measure := (request.get("permutation_importance") or {}).get("measure"):
        wrong: list[Flaw] = []
        measures_asked({"measures": [measure, measure]}, task, wrong)  # twice: `all` alone would mean every one
        flaws += [Flaw("/permutation_importance/measure", one.code, one.detail, one.suggestions) for one in wrong[:1]]


def _looks(
    request: Mapping[str, Any], task: str, features: Sequence[Mapping[str, Any]], flaws: list[Flaw]
) -> dict[str, Any]:
    """What is asked for of the model beside its measures, completed."""
    completed: dict[str, Any] = {}
    types = {feature["name"]: feature["type"] for feature in features}
    for form in OF_THE_MODEL:
        asked = request.get(form)
        if not asked:
            continue
        columns = asked["columns"] and list(dict.fromkeys(asked["columns"]))
        completed[form] = {**asked, "columns": columns}
        if task in UNSUPERVISED:
            flaws.append(Flaw(f"/{form}", "conflict", f"a model for {task} has no answer that could get worse"))
            continue
        for position, name in enumerate(asked["columns"] or ()):
            pointer = f"/{form}/columns/{position}"
            if name not in types:
                near = tuple(difflib.get_close_matches(name, types))
                flaws.append(Flaw(pointer, "unknown_column", f"the training has no feature {name!r}", near))
            elif form == "partial_dependence" and types[name] == "text":
                detail = f"feature {name!r} is text: there is no scale of texts to draw it on"
                flaws.append(Flaw(pointer, "conflict", detail))
    if (asked := completed.get("permutation_importance")) and task not in UNSUPERVISED:
        measure = asked["measure"] or usual_measure(task)
        _check_importance(request, task, flaws)
        columns = asked["columns"] or list(types)[:MOST_PERMUTED]
        completed["permutation_importance"] = {**asked, "measure": measure, "columns": columns}
    return completed


def _check_fit(
    dataset: Mapping[str, Any], features: Sequence[Mapping[str, Any]], target: str | None, flaws: list[Flaw]
) -> None:
    columns = {column["name"]: column for column in dataset["columns"]}
    for name in (*(feature["name"] for feature in features), *([target] if target else [])):
        if name not in columns:
            role = "target" if name == target else "feature"
            near = tuple(difflib.get_close_matches(name, columns))
            detail = f"dataset {dataset['name']!r} has no column {name!r}, the training's {role}"
            flaws.append(Flaw("/dataset", "missing_column", detail, near))
    if target in columns and columns[target]["missing"] >= dataset["rows"]:
        detail = f"no row of dataset {dataset['name']!r} has a value of the target {target!r}"
        flaws.append(Flaw("/dataset", "too_few_rows", detail))
