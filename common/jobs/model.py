"""The life of a job: states, the events between them, and what each event does to the record. Pure, no I/O, no keys.

A record's state holds in clear: `state session dataset dataset_id algorithm training attempt requeues created started
ended trace_id idempotency_key body experiment removed`; confidential as tokens in `sealed`: `request result problem
summary attempt_key`; names of blobs in `blobs`: `artifact output result`, and `request source` where those are large.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.contracts.jobs import JobState
from common.records.lifecycle import NEW, Lifecycle, State, merge

TERMINAL = (JobState.succeeded, JobState.failed, JobState.cancelled)
_SUBMITTED = ("request", "source")


def lifecycle(kind: str) -> Lifecycle:
    """The lifecycle of `training` or `evaluation`: the same table under each one's event names."""
    queued, running, cancelling = JobState.queued.value, JobState.running.value, JobState.cancelling.value
    succeeded, failed, cancelled = (state.value for state in TERMINAL)
    table = {
        (NEW, "queued"): queued,
        (queued, "started"): running,
        (queued, "cancelled"): cancelled,
        (queued, "failed"): failed,  # what it needs is gone before it could start
        (running, "attempt_failed"): queued,  # not its own fault: it is tried again
        (running, "requeued"): queued,  # its worker was told to stop: that attempt does not count
        (running, "succeeded"): succeeded,
        (running, "failed"): failed,
        (running, "cancel_requested"): cancelling,
        (cancelling, "cancelled"): cancelled,  # also when a result arrives now
        (succeeded, "committed"): succeeded,
        (succeeded, "removed"): succeeded,
        (failed, "removed"): failed,
        (cancelled, "removed"): cancelled,
    }
    return Lifecycle(
        record=kind,
        transitions={(state, f"{kind}.{event}"): target for (state, event), target in table.items()},
        changes={f"{kind}.requeued": _requeued, f"{kind}.committed": _committed, f"{kind}.removed": _removed},
    )


def _requeued(state: State, data: Mapping[str, Any]) -> State:
    return {**merge(state, data), "requeues": state.get("requeues", 0) + 1}


def _committed(state: State, data: Mapping[str, Any]) -> State:
    """The experiment has its own copy of the confidential parts; the artifact's blob stays where it is."""
    after = merge(state, data)
    after["sealed"] = {}
    if "blobs" in after:
        after["blobs"] = {field: blob for field, blob in after["blobs"].items() if field not in _SUBMITTED}
    return after


def _removed(state: State, data: Mapping[str, Any]) -> State:
    after = merge(state, data)
    after["sealed"] = {}
    after["blobs"] = {}
    return after


def attempts_used(state: Mapping[str, Any]) -> int:
    """How many of the attempts count towards those that an installation allows."""
    return int(state.get("attempt", 0)) - int(state.get("requeues", 0))


def terminal(state: Mapping[str, Any]) -> bool:
    """Whether the job has ended."""
    return state["state"] in TERMINAL
