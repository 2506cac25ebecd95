"""Searches as they are shown: what they ask for, how far they are, what leads, and what each trial has come to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors
from common.contracts.jobs import JobState, Progress, headline
from common.contracts.searches import Best, Rung, Search, Tally
from common.jobs.keys import SessionKeys
from common.jobs.views import JobViews, require_there
from common.learning import trials
from common.ports.blob_store import BlobStore
from common.ports.record_store import Record
from common.records.repository import Repository
from common.records.sealing import DataKey
from training_service import model, repository

_PLAIN = (
    "state",
    "session",
    "method",
    "dataset",
    "algorithm",
    "trace_id",
    "created",
    "started",
    "ended",
    "ends",
    "removed",
)


class SearchViews(JobViews):
    """Opens what a search hides, and the summaries of its trials."""

    def __init__(self, searches: Repository, trainings: Repository, keys: SessionKeys, blobs: BlobStore) -> None:
        super().__init__("search", searches, keys, blobs)
        self._trainings = trainings

    def plain(self, record: Record) -> Search:
        """A search without its confidential parts, as lists show it."""
        state = record.state
        shown: dict[str, Any] = {name: state.get(name) for name in _PLAIN}
        tally = Tally(**model.tally(state))
        rungs = [
            Rung(rows=rung["rows"], trials=len(rung["outcomes"]), ended=_ended(rung["outcomes"]))
            for rung in state["rungs"]
        ]
        return Search(
            id=record.id,
            kind="search",
            trials=tally,
            rungs=rungs,
            progress=_progress(state, tally),
            stopped=(state.get("stopped") or {}).get("reason"),
            **shown,
        )

    async def full(self, record: Record) -> Search:
        """The whole search; of one whose session is committed what lies in clear. Raises `errors.Gone`."""
        require_there(record)
        search = self.plain(record)
        sealed = record.state.get("sealed", {})
        if not sealed:
            return search
        key = await self._keys.get(record.state["session"])
        request = await self.submitted(record, key)
        problem = key.open(record.id, "problem", sealed["problem"]) if "problem" in sealed else None
        return search.model_copy(
            update={
                "request": request,
                "task_reason": request["task_reason"],
                "by": request["by"],
                "direction": request["direction"],
                "problem": problem,
                "best": await self._best(record.state.get("best"), request["by"], key),
            }
        )

    async def output(self, record: Record) -> tuple[int, bytes]:
        """Nothing: what there is to read is in the outputs of its trials."""
        require_there(record)
        return 0, b""

    async def trials(self, record: Record) -> list[dict[str, Any]]:
        """Documents of `Trial`, of all that have been submitted, in the order in which they were."""
        require_there(record)
        sealed = record.state.get("sealed", {})
        if not sealed:
            raise errors.Gone(f"{record.id} went with its session, which is committed; its trials are experiments")
        key = await self._keys.get(record.state["session"])
        found = await repository.trials(self._trainings, record.id)
        request = await self.submitted(record, key)
        return await asyncio.to_thread(_documents, record, request, found, key)

    async def _best(self, identifier: str | None, by: str, key: DataKey) -> Best | None:
        found = await self._trainings.find(identifier) if identifier else None
        if found is None or found.state.get("removed"):
            return None
        summary = summary_of(found, key)
        return Best(
            training=found.id,
            algorithm=found.state["algorithm"],
            parameters=summary.get("parameters", {}),
            value=value_of(summary, by),
            experiment=found.state.get("experiment"),
        )


def summary_of(training: Record, key: DataKey) -> dict[str, Any]:
    """What a trial that succeeded found, in short; nothing where it cannot be read (any more)."""
    token = training.state.get("sealed", {}).get("summary")
    return dict(key.open(training.id, "summary", token)) if token else {}


def value_of(summary: Mapping[str, Any], by: str) -> float | None:
    """The measure that trials are ranked by."""
    value = (summary.get("measures") or {}).get(by)
    return float(value) if isinstance(value, int | float) else None


def values_of(trainings: Mapping[int, Record], by: str, key: DataKey) -> dict[int, float | None]:
    """The measure of each of these trials, by number."""
    return {number: value_of(summary_of(record, key), by) for number, record in trainings.items()}


def _documents(
    search: Record, request: Mapping[str, Any], found: Sequence[Record], key: DataKey
) -> list[dict[str, Any]]:
    tried = trials.trials(request)
    shown = []
    for record in found:
        state, summary = record.state, summary_of(record, key)
        number, rung = state["trial"], state["rung"]
        problem = state.get("sealed", {}).get("problem")
        shown.append(
            {
                "id": record.id,
                "number": number,
                "rung": rung,
                "rows": search.state["rungs"][rung]["rows"],
                "state": state["state"],
                "algorithm": state["algorithm"],
                "parameters": tried[number][1],
                "measures": headline({"measures": summary.get("measures")}),
                "value": value_of(summary, request["by"]),
                "seconds": summary.get("seconds"),
                "problem": key.open(record.id, "problem", problem).get("detail") if problem else None,
                "experiment": state.get("experiment"),
            }
        )
    for rung in {one["rung"] for one in shown}:
        own = {one["number"]: one for one in shown if one["rung"] == rung and one["value"] is not None}
        order = trials.ranked({number: one["value"] for number, one in own.items()}, request["direction"])
        for rank, number in enumerate(order, 1):
            own[number]["rank"] = rank
    return shown


def _progress(state: Mapping[str, Any], tally: Tally) -> Progress | None:
    if state["state"] not in (JobState.running, JobState.cancelling):
        return None
    rungs = max(len(state["plan"]), len(state["rungs"]))
    *_, rung = state["rungs"]
    step = (
        f"rung {len(state['rungs'])} of {rungs}: {len(rung['outcomes'])} trials learn from {rung['rows'] or 'all'} rows"
    )
    if rungs == 1:
        step = "trials"
    if "stopped" in state or state["state"] == JobState.cancelling:
        step = "cancelling what is open"
    return Progress(
        step=step,
        fraction=round(tally.ended / tally.planned, 4) if tally.planned else None,
        message=f"{tally.ended} of {tally.planned} ended" + (f", {tally.failed} failed" if tally.failed else ""),
    )


def _ended(outcomes: str) -> int:
    return len(outcomes) - outcomes.count(model.OPEN)
