"""Searches of the stand-in for the platform: grids of one algorithm, whose trials all end when somebody follows."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from common import errors, ids, times
from tests.unit.autolearn.fake_state import TERMINAL, FakeState, sse


class FakeSearches(FakeState):
    """Its routes. A trial is as good as its C; with C = 13 it fails."""

    async def begin_search(self, request: Request, body: bytes) -> Any:
        told = json.loads(body)
        self.searched.append(told)
        spaces = told.get("algorithms", [{"algorithm": "svm", "parameters": {"C": [1]}}])
        for number, space in enumerate(spaces):
            if space["algorithm"] == "random_forrest":
                flaw = errors.Flaw(f"/algorithms/{number}/algorithm", "unknown", "no such algorithm", ("svm",))
                raise errors.Invalid("the search cannot be accepted: 1 thing is wrong", flaws=[flaw])
        trials = [
            {"algorithm": space["algorithm"], "parameters": dict(zip(space["parameters"], values, strict=True))}
            for space in spaces
            for values in itertools.product(*(_listed(one) for one in space["parameters"].values()))
        ]
        search = {
            "id": ids.new_id("srch"),
            "kind": "search",
            "state": "queued",
            "session": self._find(self.sessions, told["session"])["id"],
            "method": told["method"],
            "by": told.get("by", "accuracy"),
            "direction": "higher",
            "trace_id": "ab" * 16,
            "created": times.now(),
            "request": {**told, "task": "classification"},
            "task_reason": "the target is category",
            "trials": {"planned": len(trials), "ended": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "left_out": 0},
            "rungs": [{"rows": None, "trials": len(trials), "ended": 0}],
            "best": None,
        }
        self.jobs[search["id"]] = search
        self.trials[search["id"]] = [
            {"id": ids.new_id("trn"), "number": number, "rung": 0, "state": "queued", **trial}
            for number, trial in enumerate(trials)
        ]
        return JSONResponse(search, 202, {"Location": f"/v1/searches/{search['id']}"})

    async def show_search(self, request: Request, body: bytes) -> Any:
        ref, _, verb = request.path_params["ref"].partition(":")
        search = self._find(self.jobs, ref)
        if verb == "cancel" and search["state"] not in TERMINAL:
            search["state"] = "cancelled"
        return search

    async def search_trials(self, request: Request, body: bytes) -> Any:
        return self._page(request, self.trials[self._find(self.jobs, request.path_params["ref"])["id"]])

    async def search_progress(self, request: Request, body: bytes) -> Response:
        search = self._find(self.jobs, request.path_params["ref"])

        async def events() -> AsyncIterator[str]:
            search["state"] = "running" if search["state"] == "queued" else search["state"]
            yield sse("state", {"state": search["state"]})
            yield sse("progress", {"step": "trials", "fraction": 0.0, "message": "0 ended"})
            await self.hold.wait()
            if search["state"] not in TERMINAL:
                self._end_search(search)
            if search["best"]:
                yield sse("best", {**search["best"], "by": search["by"], "ended": len(self.trials[search["id"]])})
            yield sse("state", {"state": search["state"]})

        return StreamingResponse(events(), media_type="text/event-stream")

    def _end_search(self, search: dict[str, Any]) -> None:
        trials = self.trials[search["id"]]
        for trial in trials:
            told = trial["parameters"].get("C", 1)
            value = 1.0 if isinstance(told, dict) else float(told)
            good = value != 13
            trial |= {"state": "succeeded" if good else "failed", "value": value / 100 if good else None}
            trial |= {"measures": {search["by"]: value / 100}, "seconds": 0.5} if good else {"problem": "unlucky"}
        ranked = sorted((one for one in trials if one["value"] is not None), key=lambda one: -one["value"])
        for rank, one in enumerate(ranked, 1):
            one["rank"] = rank
        self.trials[search["id"]] = [*ranked, *(one for one in trials if one["value"] is None)]
        search["trials"] |= {"ended": len(trials), "succeeded": len(ranked), "failed": len(trials) - len(ranked)}
        search["state"], search["ended"] = "succeeded" if ranked else "failed", times.now()
        if ranked:
            best = ranked[0]
            told = {name: best[name] for name in ("algorithm", "parameters", "value")}
            search["best"] = {"training": best["id"], **told}
        else:
            search["problem"] = {"code": "no_trial_succeeded", "detail": "none of its trials succeeded"}


def _listed(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]
