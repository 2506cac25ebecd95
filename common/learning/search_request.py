"""Searches as asked for: completed with all defaults, or everything that is wrong with them.

Pure, like `request`: each trial is checked as the training that it will be, before any of them is begun.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from common.contracts.jobs import LearningRequest
from common.contracts.searches import MOST_TRIALS
from common.errors import Flaw
from common.learning import estimators, registry, trials
from common.learning.algorithms.entry import CLASSIFICATION, REGRESSION, UNSUPERVISED
from common.learning.request import (
    Completed,
    complete_parameters,
    complete_training,
    flaws_without_dataset,
    identity,
    measures_asked,
)
from common.learning.trials import Trial

USUAL = {CLASSIFICATION: "balanced_accuracy", REGRESSION: "r2"}
"""What trials are ranked by unless another measure is told; of groups it is the silhouette."""
_BASELINE, _GROUPS = "baseline", "k_means"
_SHARED = tuple(LearningRequest.model_fields)
Described = Mapping[str, Mapping[str, Any]]
"""What the catalogue says of estimators by their qualified names."""


def complete_search(request: Mapping[str, Any], dataset: Mapping[str, Any] | None, described: Described) -> Completed:
    """A search request (`contracts.searches.SearchRequest` as a dict) for a dataset version, with all defaults.

    Without a dataset, which is a flaw that the caller tells, only what is wrong with it anyway is of use.

    Returns the completed request and all flaws; with a flaw the completed request is not to be used. Added are the
    `algorithms` of a search of all, `task_reason`, `direction`, `plan` (trials and rows of each rung, as far as the
    budget goes) and `left_out` (trials that it does not allow); the dataset is its id, name, version and digest.
    """
    flaws = _form_flaws(request)
    if dataset is None:
        return dict(request), [*flaws, *_flaws_without_dataset(request, described)]
    everything = request["method"] == "all"
    spaces = [{"algorithm": _first_of_all(request), "parameters": {}}] if everything else request["algorithms"]
    first: dict[str, Any] = {}
    tried: list[Trial] = []
    count = 0
    for number, space in enumerate(spaces):
        bare = {**_shared(request), "algorithm": space["algorithm"], "parameters": {}}
        completed, wrong = complete_training(bare, dataset, described.get(space["algorithm"]))
        first = first or completed
        place = "" if everything else f"/algorithms/{number}"
        flaws += [_moved(flaw, place) for flaw in wrong]
        if not any(flaw.pointer.startswith((f"{place}/", "/draws", "/task", "/split/seed")) for flaw in flaws):
            count += trials.at_most(space["parameters"], request["draws"])
            if count > MOST_TRIALS:
                break
            several = _trials_of(space, request, completed["split"]["seed"])
            flaws += _trial_flaws(several, space, place, completed, dataset, described)
            tried += several
    flaws = list(dict.fromkeys(flaws))
    task = first.get("task")
    by, direction = _measure(request, task, flaws)
    if count > MOST_TRIALS:
        detail = f"all spaces together have more than {MOST_TRIALS} trials, which are the most that are tried"
        flaws.append(Flaw("/algorithms", "too_many_trials", detail))
    if request["halving"] and task in UNSUPERVISED:
        flaws.append(Flaw("/halving", "conflict", f"for {task} all rows are learned from"))
    if flaws or task is None:
        return dict(request), flaws
    if everything:
        names = [one for one in registry.algorithms() if _fits(one, task, request, dataset)]
        spaces, tried = [{"algorithm": one, "parameters": {}} for one in names], [(one, {}) for one in names]
    completed = {
        **request,
        "algorithms": spaces,
        "seed": first["split"]["seed"] if request["seed"] is None else request["seed"],
        "dataset": identity(dataset),
        "task": task,
        "task_reason": first["task_reason"],
        "by": by,
        "direction": direction,
    }
    plan = _plan(request, len(tried), dataset, first["split"]["test_share"])
    allowed = trials.within(plan, request["budget"]["trials"])
    completed["plan"] = [list(one) for one in allowed]
    completed["left_out"] = sum(count for count, _ in plan) - sum(count for count, _ in allowed)
    return completed, flaws


def training_of(request: Mapping[str, Any], trial: Trial, dataset_id: str, rows: int | None) -> dict[str, Any]:
    """The training request that a trial of a completed search is, to learn from so many rows (None: all)."""
    algorithm, parameters = trial
    split = dict(request["split"])
    if rows is not None:
        split["train_rows"] = rows
    measures, by = request["measures"], request["by"]
    if measures != ["all"] and by not in [one.name for one in registry.measures_for(request["task"])]:
        measures = list(dict.fromkeys([*(measures or ()), by]))
    told = {"dataset": dataset_id, "split": split, "measures": measures, "algorithm": algorithm}
    return {**_shared(request), **told, "parameters": parameters}


def _flaws_without_dataset(request: Mapping[str, Any], described: Described) -> list[Flaw]:
    flaws: list[Flaw] = []
    for number, space in enumerate(request["algorithms"]):
        bare = {**_shared(request), "algorithm": space["algorithm"], "parameters": {}}
        wrong = flaws_without_dataset(bare, described.get(space["algorithm"]))
        flaws += [_moved(flaw, f"/algorithms/{number}") for flaw in wrong]
    if request["by"]:
        _check_measure(request["by"], None, flaws)
    return list(dict.fromkeys(flaws))


def _shared(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: request[name] for name in _SHARED}


def _form_flaws(request: Mapping[str, Any]) -> list[Flaw]:
    method, spaces, draws = request["method"], request["algorithms"], request["draws"]
    flaws = []
    if method == "all" and spaces:
        flaws.append(Flaw("/algorithms", "conflict", "a search of all algorithms chooses them itself"))
    elif method != "all" and not spaces:
        flaws.append(Flaw("/algorithms", "required", "say which algorithms to try, each with its parameters"))
    if method == "random" and draws is None:
        flaws.append(Flaw("/draws", "required", "say how many trials are to be drawn"))
    elif method != "random" and draws is not None:
        flaws.append(Flaw("/draws", "conflict", f"nothing is drawn when the method is {method}"))
    for number, space in enumerate(spaces):
        place = f"/algorithms/{number}/parameters"
        flaws += trials.space_flaws(space["parameters"], place, drawn=method == "random")
    if request["halving"] and request["split"]["train_rows"] is not None:
        detail = "with halving each rung says how many rows are learned from"
        flaws.append(Flaw("/split/train_rows", "conflict", detail))
    return flaws


def _first_of_all(request: Mapping[str, Any]) -> str:
    """The algorithm that the request is completed for when it is for all: it says what task that is."""
    if request["target"] is not None:
        return _BASELINE
    return next((one.name for one in registry.algorithms().values() if request["task"] in one.tasks), _GROUPS)


def _moved(flaw: Flaw, place: str) -> Flaw:
    """A flaw of a training at its place in the search."""
    if flaw.pointer == "/algorithm" or flaw.pointer.startswith("/parameters"):
        return Flaw(f"{place}{flaw.pointer}" if place else "", flaw.code, flaw.detail, flaw.suggestions)
    return flaw


def _measure(request: Mapping[str, Any], task: str | None, flaws: list[Flaw]) -> tuple[str, str]:
    """What trials are ranked by, and which direction of it is better."""
    by = request["by"] or USUAL.get(task or "", "silhouette")
    _check_measure(by, task, flaws)
    known = registry.measures().get(by)
    return by, known.direction if known else ""


def _check_measure(by: str, task: str | None, flaws: list[Flaw]) -> None:
    wrong: list[Flaw] = []
    measures_asked({"measures": [by, by]}, task, wrong)  # twice: `all` alone would mean every one
    flaws += [Flaw("/by", one.code, one.detail, one.suggestions) for one in wrong[:1]]


def _fits(algorithm: str, task: str, request: Mapping[str, Any], dataset: Mapping[str, Any]) -> bool:
    entry = registry.algorithms()[algorithm]
    if task not in entry.tasks:
        return False
    asked = {**_shared(request), "task": task, "algorithm": algorithm, "parameters": {}}
    return not complete_training(asked, dataset)[1]


def _trials_of(space: Mapping[str, Any], request: Mapping[str, Any], seed: int) -> list[Trial]:
    told = seed if request["seed"] is None else request["seed"]
    return trials.trials({**request, "algorithms": [space], "seed": told})


def _trial_flaws(
    tried: Sequence[Trial],
    space: Mapping[str, Any],
    place: str,
    completed: Mapping[str, Any],
    dataset: Mapping[str, Any],
    described: Described,
) -> list[Flaw]:
    """What is wrong with the hyper-parameters of any trial of a space, each thing once."""
    name = space["algorithm"]
    entry = estimators.entry(name, described[name]) if name in described else registry.algorithm(name)
    if entry is None:
        return []
    target = next((column for column in dataset["columns"] if column["name"] == completed["target"]), None)
    flaws: dict[Flaw, None] = {}
    for _, parameters in tried:
        _, wrong = complete_parameters(parameters, entry, completed["task"], completed["split"]["seed"], target)
        for flaw in wrong:
            flaws[_at_candidate(flaw, place, space["parameters"], parameters)] = None
    return list(flaws)


def _at_candidate(flaw: Flaw, place: str, space: Mapping[str, Any], parameters: Mapping[str, Any]) -> Flaw:
    """A flaw at the candidate that has it."""
    pointer = f"{place}{flaw.pointer}"
    name = next((one for one in parameters if flaw.pointer == f"/parameters/{_escaped(one)}"), None)
    if name is not None and isinstance(space[name], list):
        index = next(at for at, value in enumerate(space[name]) if repr(value) == repr(parameters[name]))
        pointer = f"{pointer}/{index}"
    return Flaw(pointer, flaw.code, flaw.detail, flaw.suggestions)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _plan(
    request: Mapping[str, Any], count: int, dataset: Mapping[str, Any], share: float
) -> list[tuple[int, int | None]]:
    asked = request["halving"]
    if not asked:
        return [(count, request["split"]["train_rows"])]
    missing = sum(column["missing"] for column in dataset["columns"] if column["name"] == request["target"])
    known = dataset["rows"] - missing
    rows = known - math.ceil(known * share)
    return trials.rungs(count, rows, factor=asked["factor"], least=asked["least_rows"])
