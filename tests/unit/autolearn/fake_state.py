"""What the stand-in for the platform knows, the knobs by which tests make it misbehave, and its kinds of answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from common import errors

MODEL = b"a model that is not one" * 1000
MODEL_DIGEST = f"sha256:{hashlib.sha256(MODEL).hexdigest()}"
TERMINAL = ("succeeded", "failed", "cancelled")


class FakeState:
    """The state, and the knobs."""

    def __init__(self) -> None:
        self.datasets: list[dict[str, Any]] = []
        self.contents: dict[str, bytes] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.records: dict[str, list[str]] = {}
        self.searched: list[dict[str, Any]] = []
        self.trials: dict[str, list[dict[str, Any]]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[str, Response]] = {}
        self.requests: list[Request] = []
        self.calls: Counter[str] = Counter()
        self.refusals: list[Response] = []  # given instead of an answer, first first
        self.break_streams = 0  # how many progress streams end before the job does
        self.hold = asyncio.Event()  # cleared: followed jobs stay `running`
        self.hold.set()
        self.failing = "naive_bayes"  # the algorithm whose trainings fail
        self.commit_polls = 0  # how many reads a commit takes
        self.commit_problem: dict[str, str] | None = None  # why it is given up after them
        self.corrupt_artifacts = False
        self.late: list[str] = []  # jobs that have ended, of which the session does not know yet
        self.lateness = 0  # how many reads of a session it takes until it knows

    def _page(self, request: Request, items: list[Any]) -> dict[str, Any]:
        known = {"limit", "cursor", "filter", "sort", "order"}
        if unknown := set(request.query_params) - known - {"service", "kind", "record", "since"}:
            raise errors.UnknownParameter(f"unknown: {unknown}")
        begin, size = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 50))
        end = begin + size
        return {"items": items[begin:end], "next": str(end) if end < len(items) else None}

    @staticmethod
    def _find(things: dict[str, dict[str, Any]], ref: str) -> dict[str, Any]:
        found = [thing for identifier, thing in things.items() if identifier.endswith(ref)]
        if not found or len(ref) < 6:
            raise errors.NotFound(f"there is no {ref!r}")
        if len(found) > 1:
            raise errors.AmbiguousReference(extra={"candidates": [thing["id"] for thing in found]})
        return found[0]


def problem(error: errors.AutoLearnError, **headers: str) -> Response:
    """A problem document."""
    said = {
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "errors": [flaw.document() for flaw in error.flaws],
        **error.extra,
    }
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(said, error.status, shown, media_type="application/problem+json")


def sse(event: str, data: Any) -> str:
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def algorithm(name: str) -> dict[str, Any]:
    trees = {"type": "integer", "minimum": 1, "default": 100, "description": "How many trees."}
    return {
        "name": name,
        "title": name.replace("_", " ").title(),
        "tasks": ["classification"],
        "description": "Learns.",
        "parameters": {"classification": {"type": "object", "properties": {"n_estimators": trees}}},
    }


def logged(arrival: int) -> dict[str, Any]:
    return {
        "arrival": arrival,
        "position": arrival,
        "event": {
            "id": f"evt_{arrival:032x}",
            "type": "autolearn.training.queued.v1",
            "source": "training",
            "subject": f"trn_{arrival:032x}",
            "time": "2026-11-28T12:00:00.000Z",
            "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
            "data": {},
        },
    }
