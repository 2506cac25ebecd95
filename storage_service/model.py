"""Experiments and the commits that make them visible: states and the events between them. Pure, no keys.

An experiment's state holds in clear: `commit session training evaluations dataset dataset_id algorithm created
committed trace_id`; confidential as tokens in `sealed`: `request result summary attempt_key` (subject: the training),
`evaluations annotations` (subject: the experiment); names of blobs in `blobs`: `artifact`, and where they are large
`result`, `evaluations` and `result_ID` of an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from common import errors
from common.ids import ending
from common.records.lifecycle import NEW, Lifecycle, State


class ExperimentState(StrEnum):
    """An experiment is stored; whether people see it is up to its commit."""

    stored = "stored"


class CommitState(StrEnum):
    """Where a commit is in its life."""

    opened = "opened"  # its experiments are arriving, invisible
    sealed = "sealed"  # all of them are there and visible, for ever


def _stored(state: State, data: Mapping[str, Any]) -> State:
    """A later commit takes the place of one that failed, with nothing left of it."""
    return dict(data)


EXPERIMENTS = Lifecycle(
    record="experiment",
    transitions={
        (NEW, "experiment.stored"): ExperimentState.stored.value,
        (ExperimentState.stored.value, "experiment.stored"): ExperimentState.stored.value,
        (ExperimentState.stored.value, "experiment.annotated"): ExperimentState.stored.value,
    },
    changes={"experiment.stored": _stored},
)
COMMITS = Lifecycle(
    record="commit",
    transitions={
        (NEW, "commit.opened"): CommitState.opened.value,
        (CommitState.opened.value, "commit.sealed"): CommitState.sealed.value,
    },
    changes={},
)


def name_of(identifier: str, state: Mapping[str, Any]) -> str:
    """What people call an experiment: `penguins-random_forest-1a2b3c4d`."""
    dataset = str(state.get("dataset") or "").partition("@")[0]
    algorithm = str(state.get("algorithm") or "").rpartition(".")[2]
    return "-".join(part for part in (dataset, algorithm, ending(identifier)) if part)


def summary_row(
    identifier: str, version: int, state: Mapping[str, Any], summary: Mapping[str, Any], tags: list[str]
) -> dict[str, Any]:
    """What people filter and sort experiments by, in clear."""
    return {
        "name": name_of(identifier, state),
        "tags": tags,
        "dataset": summary.get("dataset"),
        "dataset_digest": summary.get("dataset_digest"),
        "target": summary.get("target"),
        "task": summary.get("task"),
        "algorithm": summary.get("algorithm"),
        "created": state["created"],
        "committed": state["committed"],
        "session": state["session"],
        "training": state["training"],
        "commit": state["commit"],
        "trace_id": state.get("trace_id"),
        "measures": {name: value for name, value in summary.get("measures", {}).items() if value is not None},
        "seconds": summary.get("seconds"),
        "version": version,
    }


def require_whole(expected: int, there: int, commit: str) -> None:
    """Raise `errors.Conflict` when not all experiments of the commit are there."""
    if there != expected:
        raise errors.Conflict(f"commit {commit} has {there} of its {expected} experiments and cannot be sealed")
