"""Sessions and jobs of the stand-in for the platform. Jobs advance only when somebody follows them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from common import context, errors, ids, times
from tests.unit.autolearn.fake_state import MODEL, MODEL_DIGEST, TERMINAL, FakeState, sse


class FakeWork(FakeState):
    """Its routes."""

    # -- sessions --

    async def open_session(self, request: Request, body: bytes) -> Any:
        told = json.loads(body)
        session = {
            "id": ids.new_id("ses"),
            "name": told.get("name") or "brave-otter",
            "state": "open",
            "note": told.get("note"),
            "created": times.now(),
            "used": times.now(),
            "expires": times.later(times.now(), told.get("expires_in", 30 * 86_400)),
            "records": 0,
            "open_jobs": [],
            "experiments": [],
        }
        self.sessions[session["id"]] = session
        self.records[session["id"]] = []
        return JSONResponse(session, 201)

    async def list_sessions(self, request: Request, body: bytes) -> Any:
        return self._page(request, list(self.sessions.values()))

    async def session(self, request: Request, body: bytes) -> Any:
        ref, _, verb = request.path_params["ref"].partition(":")
        session = self._find(self.sessions, ref)
        match verb:
            case "":
                self.lateness -= 1
                if self.lateness < 0:
                    session["open_jobs"] = [job for job in session["open_jobs"] if job not in self.late]
                if session["state"] == "committing":
                    self.commit_polls -= 1
                    if self.commit_polls <= 0:
                        session["state"] = "open" if self.commit_problem else "committed"
                        session["problem"] = self.commit_problem
            case "compare":
                jobs = [self.jobs[job] for job in self.records[session["id"]]]
                row = {"field": "algorithm", "values": [job["algorithm"] for job in jobs], "differs": True}
                return {"ids": [job["id"] for job in jobs], "rows": [row]}
            case "discard":
                session["state"] = "discarded"
            case "keep":
                session["expires"] = times.later(times.now(), json.loads(body)["for"])
            case "commit":
                return self._commit(session, json.loads(body))
        return session

    def _commit(self, session: dict[str, Any], told: dict[str, Any]) -> Any:
        if session["open_jobs"]:
            raise errors.SessionBusy(f"{len(session['open_jobs'])} jobs are open")
        if session["state"] != "open":
            raise errors.SessionClosed()
        for identifier in self.records[session["id"]]:
            job = self.jobs[identifier]
            chosen = "records" not in told or any(identifier.endswith(ref) for ref in told["records"])
            if job["kind"] == "training" and job["state"] == "succeeded" and chosen:
                experiment = {
                    "id": ids.derived_id("exp", identifier),
                    "name": f"{job['algorithm']} on penguins",
                    "session": session["id"],
                    "training": identifier,
                    "commit": "c1",
                    "dataset": "penguins@1",
                    "target": job["request"]["target"],
                    "algorithm": job["algorithm"],
                    "created": times.now(),
                    "committed": times.now(),
                    "tags": told.get("tags", []),
                    "measures": job["result"]["measures"]["test"],
                    "etag": '"1"',
                    "result": job["result"],
                }
                self.experiments[experiment["id"]] = experiment
                session["experiments"].append(experiment["id"])
        if "records" not in told:
            session["state"] = "committing" if self.commit_polls else "committed"
        return JSONResponse(session, 202 if session["state"] == "committing" else 200)

    async def list_records(self, request: Request, body: bytes) -> Any:
        session = self._find(self.sessions, request.path_params["ref"])
        jobs = [self.jobs[job] for job in self.records[session["id"]]]
        return self._page(
            request,
            [
                {
                    "id": job["id"],
                    "job": job["id"],
                    "kind": job["kind"],
                    "state": job["state"],
                    "algorithm": job["algorithm"],
                    "created": job["created"],
                    "ended": job["ended"],
                    "summary": {"dataset": "penguins@1"},
                }
                for job in jobs
            ],
        )

    async def drop_record(self, request: Request, body: bytes) -> Any:
        session = self._find(self.sessions, request.path_params["ref"])
        job = self._find(self.jobs, request.path_params["job"])
        self.records[session["id"]].remove(job["id"])
        session["records"] -= 1
        return Response(status_code=204)

    # -- jobs --

    async def submit(self, request: Request, body: bytes) -> Any:
        told, kind = json.loads(body), request.path_params["kind"].removesuffix("s")
        training = self._find(self.jobs, told["training"]) if kind == "evaluation" else None
        algorithm_name = training["algorithm"] if training else told["algorithm"]
        if algorithm_name == "random_forrest":
            flaw = errors.Flaw("/algorithm", "unknown", "there is no such algorithm", ("random_forest",))
            raise errors.Invalid("the request has 1 problem", flaws=[flaw])
        session = self._find(self.sessions, training["session"] if training else told["session"])
        if session["state"] != "open":
            raise errors.SessionClosed()
        job = {
            "id": ids.new_id("evl" if training else "trn"),
            "kind": kind,
            "state": "queued",
            "session": session["id"],
            "dataset": None if training else self._dataset(told["dataset"])["id"],
            "algorithm": algorithm_name,
            "training": training["id"] if training else None,
            "trace_id": context.from_traceparent(request.headers["Traceparent"]).trace_id,
            "created": times.now(),
            "request": told,
            "result": None,
            "problem": None,
        }
        self.jobs[job["id"]] = job
        session["open_jobs"].append(job["id"])
        return JSONResponse(job, 202, {"Location": f"/v1/{kind}s/{job['id']}"})

    async def list_jobs(self, request: Request, body: bytes) -> Any:
        jobs = list(reversed(self.jobs.values()))
        told = request.query_params.get("filter", "")
        if "state = queued" in told:
            jobs = [job for job in jobs if job["state"] == "queued"]
        elif "running" in told:
            jobs = [job for job in jobs if job["state"] == "running"]
        return self._page(request, jobs)

    async def show_job(self, request: Request, body: bytes) -> Any:
        ref, _, verb = request.path_params["ref"].partition(":")
        job = self._find(self.jobs, ref)
        if verb == "cancel" and job["state"] not in TERMINAL:
            self._end(job, "cancelled")
            return JSONResponse(job, 202)
        if job["state"] == "queued":
            queued = [each["id"] for each in self.jobs.values() if each["state"] == "queued"]
            return {**job, "ahead": queued.index(job["id"])}
        return job

    def _end(self, job: dict[str, Any], state: str) -> None:
        job["state"], job["ended"] = state, times.now()
        session = self.sessions[job["session"]]
        if self.lateness > 0:
            self.late.append(job["id"])
        else:
            session["open_jobs"].remove(job["id"])
        session["records"] += 1
        self.records[session["id"]].append(job["id"])
        if state == "failed":
            job["problem"] = {
                "status": 422,
                "code": "invalid",
                "detail": "the column island is constant; leave it out",
                "errors": [{"pointer": "/features", "code": "constant", "detail": "island is constant"}],
            }
        elif state == "succeeded":
            figures = {"accuracy": 0.98 if job["algorithm"] == "random_forest" else 0.95, "log_loss": 0.1}
            job["result"] = {
                "measures": figures if job["kind"] == "evaluation" else {"train": figures, "test": figures},
                "artifact": {"digest": MODEL_DIGEST, "size": len(MODEL), "format": "skops"},
                "usage": {"seconds": 1.25},
            }
            if job["kind"] == "evaluation":
                job["result"]["confusion_matrix"] = {
                    "labels": ["Adelie", "Gentoo"],
                    "counts": [[40, 1], [0, 31]],
                }

    async def progress(self, request: Request, body: bytes) -> Response:
        job = self._find(self.jobs, request.path_params["ref"])

        async def events() -> AsyncIterator[str]:
            yield ": hello\n\n"
            if job["state"] == "queued":
                job["state"], job["started"] = "running", times.now()
            yield sse("state", {"state": job["state"]})
            yield sse("progress", {"step": "fit", "fraction": 0.5, "message": "tree 50 of 100"})
            yield sse("output", {"text": "fitting\u2028now"})
            if self.break_streams:
                self.break_streams -= 1
                return
            await self.hold.wait()
            if job["state"] not in TERMINAL:
                failing = job["algorithm"] == self.failing and job["kind"] == "training"
                self._end(job, "failed" if failing else "succeeded")
            yield sse("state", {"state": job["state"]})

        return StreamingResponse(events(), media_type="text/event-stream")

    async def output(self, request: Request, body: bytes) -> Response:
        self._find(self.jobs, request.path_params["ref"])
        return PlainTextResponse("first\nsecond")

    async def artifact(self, request: Request, body: bytes) -> Response:
        return Response(MODEL[:-1] if self.corrupt_artifacts else MODEL)
