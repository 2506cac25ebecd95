"""Carries searches on: submits their trials a few ahead of the free slots, takes in how they ended, says what leads.

A process manager: what it knows is in the records of the search and of its trials, so it can be stopped at any step and
goes on by looking. A trial is submitted under an id that is derived; ends are taken in by the letter at its position.
Doing a step twice, or in two processes, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common import context, errors, logging, times
from common.contracts.jobs import JobState
from common.jobs.model import terminal
from common.learning import trials
from common.learning.search_request import training_of
from common.ports.record_store import Record
from common.ports.task_runner import Problem
from common.records.repository import Decision
from common.records.sealing import DataKey
from training_service import model
from training_service.handlers import TrainingHandlers
from training_service.searches import SearchHandlers
from training_service.views import summary_of, value_of, values_of

_READ = 100
"""Trainings that are read together."""
_log = logging.logger("searches")


@dataclass(frozen=True)
class Plan:
    """What a search does, opened: its request and its trials; without a key, which is destroyed, there is none."""

    key: DataKey
    request: Mapping[str, Any]
    trials: Sequence[trials.Trial]


class Conduct:
    """The process manager of searches."""

    def __init__(self, searches: SearchHandlers, trainings: TrainingHandlers) -> None:
        self._searches, self._trainings = searches, trainings
        self._runtime = searches.runtime

    async def proceed(self, identifier: str) -> None:
        """Take a search as far as it goes now. Raises `errors.AutoLearnError` when that has to wait."""
        record = await self._searches.jobs.get(identifier)
        if terminal(record.state):
            return
        told = record.state
        with context.use(context.resumed(told["trace_id"], actor=told["actor"], causation=identifier)):
            plan = await self._plan(record)
            submitted: list[str] = []
            while not terminal(record.state):
                found, going_on = await self._step(record, plan, submitted)
                if found.version == record.version and not going_on:
                    return
                record = await self._searches.jobs.get(identifier) if going_on else found
                self._runtime.notifier.ring(identifier)
            # It may have been ended by another process while this one submitted.
            for training in submitted if record.state["state"] == JobState.cancelled else ():
                await self._trainings.cancel(training)
            await self._searches.finished(record)

    async def _plan(self, record: Record) -> Plan | None:
        try:
            key = await self._searches.keys.get(record.state["session"])
        except errors.Gone:
            return None
        request = await self._searches.views.submitted(record, key)
        return Plan(key, request, await asyncio.to_thread(trials.trials, request))

    async def _step(self, record: Record, plan: Plan | None, submitted: list[str]) -> tuple[Record, bool]:
        """One step: the record after it, and whether something was done that it does not show."""
        state = record.state
        if state["state"] == JobState.queued:
            return await self._decide(record, Decision("search.started", {"started": times.now()})), False
        stopping = state["state"] == JobState.cancelling or "stopped" in state
        positions = model.open_positions(state["rungs"][-1])
        there = await self._there(record, positions if stopping else positions[: self._window])
        if ended := {at: one for at, one in there.items() if terminal(one.state)}:
            return await self._take_in(record, ended, plan), False
        if stopping:
            if not there:
                return await self._end(record, plan), False
            live = [one.id for one in there.values() if one.state["state"] != JobState.cancelling]
            cancelled = [await self._trainings.cancel(one) for one in live]
            return record, any(terminal(one.state) for one in cancelled)
        if reason := "session_gone" if plan is None else self._overdue(state):
            return await self._decide(record, Decision("search.stopped", {"stopped": {"reason": reason}})), False
        assert plan is not None
        if not positions:
            return await self._next_rung(record, plan), False
        missing = [at for at in positions[: self._window] if at not in there]
        return await self._submit(record, plan, missing, submitted)

    @staticmethod
    def _overdue(state: Mapping[str, Any]) -> str | None:
        return "budget_seconds" if "ends" in state and state["ends"] <= times.now() else None

    @property
    def _window(self) -> int:
        return self._runtime.settings.search_window

    async def _there(self, record: Record, positions: Sequence[int]) -> dict[int, Record]:
        """The trainings that exist for these positions of the rung."""
        number = len(record.state["rungs"]) - 1
        rung = record.state["rungs"][number]
        ids = {at: model.trial_id(record.id, number, model.number_of(rung, at)) for at in positions}
        found: dict[str, Record] = {}
        wanted = list(ids.values())
        for start in range(0, len(wanted), _READ):
            jobs = self._trainings.jobs
            found |= await jobs.store.get_many(jobs.name, wanted[start : start + _READ])
        return {at: found[one] for at, one in ids.items() if one in found}

    # Trials.

    async def _submit(
        self, record: Record, plan: Plan, positions: Sequence[int], submitted: list[str]
    ) -> tuple[Record, bool]:
        state = record.state
        number = len(state["rungs"]) - 1
        rung = state["rungs"][number]
        for at in positions:
            trial = model.number_of(rung, at)
            body = training_of(plan.request, plan.trials[trial], state["dataset_id"], rung["rows"])
            try:
                made = await self._trainings.try_out(
                    {**body, "session": state["session"]},
                    model.trial_id(record.id, number, trial),
                    search=record.id,
                    trial=trial,
                    rung=number,
                )
            except errors.AutoLearnError as error:
                if error.retryable:
                    raise
                _log.warning("trial refused", search=record.id, trial=trial, error=error.detail)
                problem = plan.key.seal(record.id, "problem", Problem(error.code, error.detail).document())
                stopped = {"stopped": {"reason": "refused"}, "sealed": {"problem": problem}}
                return await self._decide(record, Decision("search.stopped", stopped)), False
            submitted.append(made.id)
        return record, bool(positions)

    async def _take_in(self, record: Record, ended: Mapping[int, Record], plan: Plan | None) -> Record:
        """How trials ended, and which one leads now."""
        rung = len(record.state["rungs"]) - 1
        data: dict[str, Any] = {
            "rung": rung,
            "ended": {str(at): model.OUTCOMES[one.state["state"]] for at, one in ended.items()},
        }
        good = [one for _, one in sorted(ended.items()) if one.state["state"] == JobState.succeeded]
        if plan and good:
            data["best"] = await self._leader(record.state, good, plan)

        def decide(now: Record) -> Decision | None:
            # Of those that another process has taken in meanwhile, it has said who leads.
            if terminal(now.state) or now.state["rungs"] != record.state["rungs"]:
                return None
            return Decision("search.trials_ended", data)

        return await self._searches.jobs.decide(record.id, decide)

    async def _leader(self, state: Mapping[str, Any], good: Sequence[Record], plan: Plan) -> str | None:
        by, direction = plan.request["by"], plan.request["direction"]
        best = state.get("best")
        # The first of a rung leads whatever was before: it has learned from more rows.
        first = "s" not in state["rungs"][-1]["outcomes"]
        leader = None if first or best is None else await self._trainings.jobs.find(best)
        value = value_of(summary_of(leader, plan.key), by) if leader else None
        for one in good:
            other = value_of(summary_of(one, plan.key), by)
            if leader is None or trials.better(other, value, direction):
                leader, value = one, other
        return leader.id if leader else None

    # Rungs and the end.

    async def _next_rung(self, record: Record, plan: Plan) -> Record:
        """The best of a rung go on, if there is a next one; else the search has ended."""
        state = record.state
        number, rung = len(state["rungs"]) - 1, state["rungs"][-1]
        good = [at for at, outcome in enumerate(rung["outcomes"]) if outcome == "s"]
        if number + 1 >= len(state["plan"]) or not good:
            return await self._end(record, plan)
        count, rows = state["plan"][number + 1]
        found = {model.number_of(rung, at): one for at, one in (await self._there(record, good)).items()}
        values = await asyncio.to_thread(values_of, found, plan.request["by"], plan.key)
        going = trials.ranked(values, plan.request["direction"])[:count]
        return await self._decide(record, Decision("search.rung_started", {"rows": rows, "going": going}))

    async def _end(self, record: Record, plan: Plan | None) -> Record:
        state, data = record.state, dict[str, Any](ended=times.now())
        if state["state"] == JobState.cancelling:
            return await self._decide(record, Decision("search.cancelled", data))
        refused = (state.get("stopped") or {}).get("reason") in ("refused", "session_gone")
        if any("s" in rung["outcomes"] for rung in state["rungs"]) and not refused:
            return await self._decide(record, Decision("search.succeeded", data))
        if plan and "problem" not in state["sealed"]:
            data["sealed"] = {"problem": plan.key.seal(record.id, "problem", await self._why(record, plan))}
        return await self._decide(record, Decision("search.failed", data))

    async def _why(self, record: Record, plan: Plan) -> dict[str, Any]:
        """Why a search without any trial that succeeded has failed."""
        rung = record.state["rungs"][-1]
        failed = [at for at, outcome in enumerate(rung["outcomes"]) if outcome == "f"]
        detail = f"none of its {len(rung['outcomes'])} trials succeeded"
        if not failed:
            return Problem("no_trial_succeeded", f"{detail}: its budget was used up before one ended").document()
        for one in (await self._there(record, failed[:1])).values():
            if token := one.state["sealed"].get("problem"):
                detail += f"; the first says: {plan.key.open(one.id, 'problem', token).get('detail')}"
        return Problem("no_trial_succeeded", detail).document()

    async def _decide(self, record: Record, decision: Decision) -> Record:
        """Save what follows from the record as it was; when it has moved on, what is there now is looked at again."""
        try:
            return await self._searches.jobs.append(record, decision)
        except errors.VersionConflict:
            return await self._searches.jobs.get(record.id)
