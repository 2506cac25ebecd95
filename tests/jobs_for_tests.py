"""Trainings and evaluations for tests: the jobs that both services share, ended by the test instead of by a task."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from common import ids, times
from common.jobs import routes
from common.jobs.handlers import JobHandlers, Submission
from common.ports.record_store import Record
from common.records import sealed_blobs
from common.records.event import Event, digest, state_event
from common.records.repository import Decision
from common.runtime import Runtime
from common.service import Service

ARTIFACT = b"a model " * 200_000


class TestJobs:
    """The service of one kind of jobs."""

    __test__ = False

    def __init__(self, runtime: Runtime, kind: str) -> None:
        self.runtime, self.kind = runtime, kind
        self.handlers = JobHandlers(runtime, kind, runtime.client("session", caller=kind))
        routers = [routes.public(self.handlers), routes.internal(self.handlers)]
        if kind == "training":  # that service has searches too
            self.searches = JobHandlers(runtime, "search", runtime.client("session", caller=kind))
            routers += [routes.public(self.searches), routes.records(self.searches, "/internal/searches")]
        app = runtime.app(kind, title=kind, routers=routers)
        app.state.jobs = self.handlers
        self.service = Service(kind, app, [self.handlers.jobs])

    async def submit(self, session: str, *, training: str | None = None, **request: Any) -> Record:
        """A job that waits in the queue."""
        plain = {"dataset": "penguins@1", "dataset_id": "ds_1", "algorithm": request.get("algorithm", "svm")}
        if training:
            plain["training"] = training
        asked = {"algorithm": "svm", "target": "species", "parameters": {"C": 1.0}, **request}
        return await self.handlers.submit(Submission(session, asked, plain), {})

    async def finished(self, session: str, *, f1: float) -> Record:
        """A training that has succeeded without ever having been asked for: one write, for thousands of them."""
        jobs, job, now = self.handlers.jobs, ids.new_id("trn"), times.now()
        key = await self.handlers.keys.get(session)
        summary = {
            "dataset": "penguins@1",
            "dataset_digest": "sha256:1",
            "target": "species",
            "task": "classification",
            "algorithm": "svm",
            "parameters": {"C": 1.0},
            "measures": {"f1": f1},
            "seconds": 0.5,
        }
        asked = {"algorithm": "svm", "target": "species", "parameters": {"C": 1.0}}
        result = {"measures": {"f1": f1}, "padding": "x" * 1_000}
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        plain = {"session": session, "dataset": "penguins@1", "dataset_id": "ds_1", "algorithm": "svm", "created": now}
        told: dict[str, dict[str, Any]] = {
            "queued": {**plain, "trace_id": "0" * 32, "sealed": {"request": key.seal(job, "request", asked)}},
            "started": {"attempt": 1, "started": now, "sealed": {"attempt_key": key.seal(job, "attempt_key", secret)}},
            "succeeded": {
                "ended": now,
                "sealed": {"result": key.seal(job, "result", result), "summary": key.seal(job, "summary", summary)},
            },
        }
        outbox: list[Event] = []
        state: dict[str, Any] | None = None
        for number, (name, data) in enumerate(told.items(), 1):
            before = digest(outbox[-1]) if outbox else ""
            event = state_event(
                f"training.{name}", source=jobs.source, subject=job, sequence=number, data=data, prevhash=before
            )
            state = jobs.lifecycle.fold(state, event)
            outbox.append(event)
        assert state is not None
        envelope = {"time": outbox[-1]["time"]}
        record = Record(job, len(outbox), digest(outbox[-1]), state, tuple(outbox), envelope)
        await jobs.store.insert(jobs.name, record)
        return record

    async def start(self, job: str) -> bytes:
        """A worker takes it; the key of the attempt."""
        record = await self.handlers.jobs.get(job)
        key = await self.handlers.keys.get(record.state["session"])
        secret = secrets.token_bytes(32)
        sealed = {"attempt_key": key.seal(job, "attempt_key", base64.b64encode(secret).decode())}
        data = {"attempt": 1, "started": times.now(), "sealed": sealed}
        await self.handlers.jobs.decide(job, lambda _: Decision(f"{self.kind}.started", data))
        return secret

    async def succeed(
        self, job: str, *, f1: float = 0.9, ring: bool = True, large: bool = False, artifact: bool = True
    ) -> None:
        """It ends with a result, in a blob if `large`; the bell can be lost."""
        secret = await self.start(job)
        record = await self.handlers.jobs.get(job)
        key = await self.handlers.keys.get(record.state["session"])
        training = record.state.get("training")
        blobs = {}
        blob = f"{self.kind}/{job}/1/artifact"
        result: dict[str, Any] = {"measures": {"f1": f1}, "padding": "x" * (100_000 if large else 10)}
        if artifact and not training:
            await sealed_blobs.write(self.runtime.blobs, blob, ARTIFACT, secret)
            blobs["artifact"] = blob
            result["artifact"] = {"digest": "sha256:" + "0" * 64, "size": len(ARTIFACT), "format": "skops"}
        kept = await sealed_blobs.outsource(self.runtime.blobs, result, f"{self.kind}/{job}/1/result", secret)
        if kept is not result:
            blobs["result"] = f"{self.kind}/{job}/1/result"
        if training:
            summary: dict[str, Any] = {"training": training, "dataset": "held-out rows", "measures": {"f1": f1}}
        else:
            summary = {
                "dataset": record.state["dataset"],
                "dataset_digest": "sha256:1",
                "target": "species",
                "task": "classification",
                "algorithm": record.state["algorithm"],
                "parameters": {"C": 1.0},
                "measures": {"f1": f1},
                "seconds": 0.5,
            }
        sealed = {"result": key.seal(job, "result", kept), "summary": key.seal(job, "summary", summary)}
        data = {"ended": times.now(), "sealed": sealed, "blobs": blobs}
        record = await self.handlers.jobs.decide(job, lambda _: Decision(f"{self.kind}.succeeded", data))
        if ring:
            await self.handlers.finished(record)

    async def fail(self, job: str) -> None:
        """It ends without a result."""
        await self.start(job)
        data = {"ended": times.now()}
        record = await self.handlers.jobs.decide(job, lambda _: Decision(f"{self.kind}.failed", data))
        await self.handlers.finished(record)

    async def state(self, job: str) -> dict[str, Any]:
        """The record's state."""
        return (await self.handlers.jobs.get(job)).state
