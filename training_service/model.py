"""Trainings and searches: states, the events between them, and what each event does to the record. Pure.

A training lives the life of a job under its own event names. A search's state holds in clear: `state session method
dataset dataset_id created started ended trace_id actor ends attempt idempotency_key body removed`, its `plan` (trials
and rows of each rung), `left_out`, its `rungs`, and the id of the `best` training; confidential as tokens in `sealed`:
`request problem`.

A rung has `rows` (null: all), `outcomes` (a letter for each of its trials, in their order) and, unless all trials are
in it, their numbers as `going`. Ids of trials are derived of search, rung and number, so that nothing need be written
down before one is submitted: of those without an outcome the first few may exist, and whoever looks finds out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common import ids
from common.contracts.jobs import JobState
from common.jobs import model
from common.records.lifecycle import NEW, Lifecycle, State, merge

LIFECYCLE = model.lifecycle("training")
OPEN = "."
"""The outcome of a trial that has none yet."""
OUTCOMES = {JobState.succeeded.value: "s", JobState.failed.value: "f", JobState.cancelled.value: "c"}


def _queued(state: State, data: Mapping[str, Any]) -> State:
    count, rows = data["plan"][0]
    return merge(state, {**data, "rungs": [_rung(rows, count)]})


def _trials_ended(state: State, data: Mapping[str, Any]) -> State:
    *before, rung = state["rungs"]
    outcomes = list(rung["outcomes"])
    for position, outcome in data["ended"].items():
        outcomes[int(position)] = outcome
    after = {**state, "rungs": [*before, {**rung, "outcomes": "".join(outcomes)}]}
    return {**after, "best": data["best"]} if data.get("best") else after


def _rung_started(state: State, data: Mapping[str, Any]) -> State:
    going = list(data["going"])
    return {**state, "rungs": [*state["rungs"], {**_rung(data["rows"], len(going)), "going": going}]}


def _removed(state: State, data: Mapping[str, Any]) -> State:
    return {**merge(state, data), "sealed": {}}


def _rung(rows: int | None, count: int) -> dict[str, Any]:
    return {"rows": rows, "outcomes": OPEN * count}


_QUEUED, _RUNNING, _CANCELLING = JobState.queued.value, JobState.running.value, JobState.cancelling.value
_SUCCEEDED, _FAILED, _CANCELLED = (state.value for state in model.TERMINAL)

SEARCHES = Lifecycle(
    record="search",
    transitions={
        (NEW, "search.queued"): _QUEUED,
        (_QUEUED, "search.started"): _RUNNING,
        (_QUEUED, "search.cancelled"): _CANCELLED,
        (_RUNNING, "search.trials_ended"): _RUNNING,
        (_RUNNING, "search.rung_started"): _RUNNING,  # the best of the rung before go on, to more rows
        (_RUNNING, "search.stopped"): _RUNNING,  # it tries nothing more; what is open is being cancelled
        (_RUNNING, "search.succeeded"): _SUCCEEDED,
        (_RUNNING, "search.failed"): _FAILED,
        (_RUNNING, "search.cancel_requested"): _CANCELLING,
        (_CANCELLING, "search.trials_ended"): _CANCELLING,
        (_CANCELLING, "search.cancelled"): _CANCELLED,
        (_SUCCEEDED, "search.removed"): _SUCCEEDED,
        (_FAILED, "search.removed"): _FAILED,
        (_CANCELLED, "search.removed"): _CANCELLED,
    },
    changes={
        "search.queued": _queued,
        "search.trials_ended": _trials_ended,
        "search.rung_started": _rung_started,
        "search.removed": _removed,
    },
)


def trial_id(search: str, rung: int, number: int) -> str:
    """The id of the training that a trial is: the same however often it is submitted."""
    return ids.derived_id("trn", search, rung, number)


def number_of(rung: Mapping[str, Any], position: int) -> int:
    """The number, among all trials of the search, of the one at a position of a rung."""
    return int(rung["going"][position]) if "going" in rung else position


def open_positions(rung: Mapping[str, Any]) -> Sequence[int]:
    """Where in a rung trials have not ended, as far as it is known."""
    return [position for position, outcome in enumerate(rung["outcomes"]) if outcome == OPEN]


def tally(state: Mapping[str, Any]) -> dict[str, int]:
    """How many trials there are (`contracts.searches.Tally`), of all rungs: those to come as they are planned."""
    started = [rung["outcomes"] for rung in state["rungs"]]
    counts = {name: sum(outcomes.count(letter) for outcomes in started) for name, letter in OUTCOMES.items()}
    to_come = 0 if model.terminal(state) else sum(count for count, _ in state["plan"][len(started) :])
    planned = sum(map(len, started)) + to_come
    return {"planned": planned, "ended": sum(counts.values()), **counts, "left_out": state["left_out"]}
