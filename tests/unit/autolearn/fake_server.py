"""A stateful stand-in for the platform: the routes the client uses, on a real socket, with faults on demand.

Jobs advance only when somebody follows them, so nothing here depends on time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from common import context, errors, ids, times

MODEL = b"a model that is not one" * 1000
MODEL_DIGEST = f"sha256:{hashlib.sha256(MODEL).hexdigest()}"
TERMINAL = ("succeeded", "failed", "cancelled")


class FakePlatform:
    """The state, and the knobs by which tests make it misbehave."""

    def __init__(self) -> None:
        self.datasets: list[dict[str, Any]] = []
        self.contents: dict[str, bytes] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.records: dict[str, list[str]] = {}
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

    # -- plumbing --

    def app(self) -> Starlette:
        def route(path: str, handler: Callable[..., Any], *methods: str) -> Route:
            async def endpoint(request: Request) -> Response:
                return await self._answer(request, handler)

            return Route(path, endpoint, methods=list(methods) or ["GET"])

        kinds = "{kind:str}"
        return Starlette(
            routes=[
                route("/readyz", self.readyz),
                route("/v1/info", self.info),
                route("/v1/algorithms", self.list_algorithms),
                route("/v1/algorithms/{name}", self.show_algorithm),
                route("/v1/measures", self.list_measures),
                route("/v1/datasets", self.upload, "POST"),
                route("/v1/datasets", self.list_datasets),
                route("/v1/datasets/{ref}", self.dataset, "GET", "PATCH", "DELETE"),
                route("/v1/datasets/{ref}/preview", self.preview),
                route("/v1/datasets/{ref}/profile", self.profile),
                route("/v1/datasets/{ref}/content", self.content),
                route("/v1/sessions", self.open_session, "POST"),
                route("/v1/sessions", self.list_sessions),
                route("/v1/sessions/{ref}/records", self.list_records),
                route("/v1/sessions/{ref}/records/{job}", self.drop_record, "DELETE"),
                route("/v1/sessions/{ref}", self.session, "GET", "POST"),
                route("/v1/experiments:compare", self.compare_experiments),
                route("/v1/experiments:export", self.export),
                route("/v1/experiments", self.list_experiments),
                route("/v1/experiments/{ref}", self.experiment, "GET", "PATCH"),
                route("/v1/experiments/{ref}/artifact", self.artifact),
                route("/v1/jobs", self.list_jobs),
                route("/v1/jobs/{ref}", self.show_job),
                route("/v1/log/events", self.log_events),
                route("/v1/log/stream", self.log_stream),
                route("/v1/log/traces/{ref}", self.log_events),
                route("/v1/log:verify", self.verify),
                route("/v1/log:rebuild", self.rebuild, "POST"),
                route("/v1/log/rebuilds/{ref}", self.rebuilt),
                route(f"/v1/{kinds}", self.submit, "POST"),
                route(f"/v1/{kinds}/{{ref}}", self.show_job, "GET", "POST"),
                route(f"/v1/{kinds}/{{ref}}/progress", self.progress),
                route(f"/v1/{kinds}/{{ref}}/output", self.output),
                route(f"/v1/{kinds}/{{ref}}/artifact", self.artifact),
            ]
        )

    async def _answer(self, request: Request, handler: Callable[..., Any]) -> Response:
        self.requests.append(request)
        self.calls[f"{request.method} {request.url.path}"] += 1
        if self.refusals:
            return self.refusals.pop(0)
        body = await request.body()
        key = request.headers.get("Idempotency-Key")
        if request.method != "GET":
            assert key, "every change carries a key"
            if key in self.answers:
                return self.answers[key][1]
        try:
            answer = await handler(request, body)
        except errors.AutoLearnError as error:
            return problem(error)
        if not isinstance(answer, Response):
            answer = JSONResponse(answer)
        if request.method != "GET":
            self.answers[str(key)] = (request.url.path, answer)
        return answer

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

    # -- server and catalogue --

    async def readyz(self, request: Request, body: bytes) -> Any:
        return {"ready": True, "degraded": []}

    async def info(self, request: Request, body: bytes) -> Any:
        return {
            "service": "gateway",
            "version": "0.1.0",
            "mode": "embedded",
            "services": ["catalog", "training"],
        }

    async def list_algorithms(self, request: Request, body: bytes) -> Any:
        return self._page(request, [algorithm(name) for name in ("random_forest", "svm", "naive_bayes")])

    async def show_algorithm(self, request: Request, body: bytes) -> Any:
        return algorithm(request.path_params["name"])

    async def list_measures(self, request: Request, body: bytes) -> Any:
        measure = {
            "name": "accuracy",
            "tasks": ["classification"],
            "direction": "higher",
            "range": [0, 1],
            "definition": "Share of rows predicted right.",
        }
        return self._page(request, [measure])

    # -- datasets --

    async def upload(self, request: Request, body: bytes) -> Any:
        name = request.query_params["name"]
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        lines = body.decode().strip().split("\n")
        if len(lines) < 2:
            raise errors.BadData("there are no rows", flaws=[errors.Flaw("", "no_rows", "only a header")])
        told = dict(each.rsplit("=", 1) for each in request.query_params.getlist("type"))
        version = {
            "id": ids.new_id("ds"),
            "name": name,
            "version": 1 + sum(each["name"] == name for each in self.datasets),
            "digest": digest,
            "file_digest": digest,
            "rows": len(lines) - 1,
            "columns": [
                {"name": column, "type": told.get(column, "category"), "missing": 0, "distinct": 2}
                for column in lines[0].split(request.query_params.get("delimiter", ","))
            ],
            "options": {"delimiter": ",", "encoding": "utf-8", "header": True, "quote": '"'},
            "created": times.now(),
            "size": len(body),
        }
        self.datasets.insert(0, version)
        self.contents[version["id"]] = body
        return JSONResponse(version, 201)

    async def list_datasets(self, request: Request, body: bytes) -> Any:
        return self._page(request, self.datasets)

    def _dataset(self, ref: str) -> dict[str, Any]:
        name, _, number = ref.partition("@")
        for version in self.datasets:
            if ref == version["id"] or (version["name"] == name and (not number or number == str(version["version"]))):
                return version
        raise errors.NotFound(f"there is no dataset {ref!r}")

    async def dataset(self, request: Request, body: bytes) -> Any:
        found = self._dataset(request.path_params["ref"])
        if request.method == "DELETE":
            if any(job["dataset"] == found["id"] for job in self.jobs.values()):
                raise errors.InUse(f"{found['name']} is used by a training")
            self.datasets.remove(found)
            return Response(status_code=204)
        if request.method == "PATCH":
            told = {each["name"]: each["type"] for each in json.loads(body)["columns"]}
            columns = [{**column, "type": told.get(column["name"], column["type"])} for column in found["columns"]]
            found = {**found, "id": ids.new_id("ds"), "version": found["version"] + 1, "columns": columns}
            self.datasets.insert(0, found)
            return JSONResponse(found, 201)
        return found

    async def preview(self, request: Request, body: bytes) -> Any:
        lines = self.contents[self._dataset(request.path_params["ref"])["id"]].decode().strip().split("\n")
        return {"columns": lines[0].split(","), "rows": [line.split(",") for line in lines[1:]]}

    async def profile(self, request: Request, body: bytes) -> Any:
        found = self._dataset(request.path_params["ref"])
        return {"rows": found["rows"], "columns": found["columns"]}

    async def content(self, request: Request, body: bytes) -> Any:
        assert request.query_params["format"] == "csv"
        return Response(self.contents[self._dataset(request.path_params["ref"])["id"]], media_type="text/csv")

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

    # -- experiments --

    async def list_experiments(self, request: Request, body: bytes) -> Any:
        return self._page(request, list(self.experiments.values()))

    async def experiment(self, request: Request, body: bytes) -> Any:
        found = self._find(self.experiments, request.path_params["ref"])
        if request.method == "PATCH":
            if request.headers.get("If-Match") != found["etag"]:
                raise errors.PreconditionFailed()
            found.update(json.loads(body), etag=f'"{int(found["etag"].strip(chr(34))) + 1}"')
        return found

    async def compare_experiments(self, request: Request, body: bytes) -> Any:
        found = [self._find(self.experiments, ref) for ref in request.query_params["ids"].split(",")]
        row = {"field": "algorithm", "values": [each["algorithm"] for each in found], "differs": True}
        return {"ids": [each["id"] for each in found], "rows": [row]}

    async def export(self, request: Request, body: bytes) -> Response:
        if request.query_params["format"] == "csv":
            return Response("id\n" + "".join(f"{each}\n" for each in self.experiments), media_type="text/csv")
        return JSONResponse(list(self.experiments.values()))

    # -- log --

    async def log_events(self, request: Request, body: bytes) -> Any:
        return self._page(request, [logged(3), logged(2), logged(1)])

    async def log_stream(self, request: Request, body: bytes) -> Response:
        last = int(request.headers.get("Last-Event-ID", 0))

        async def events() -> AsyncIterator[str]:
            for arrival in (last + 1, last + 2):
                yield f"id: {arrival}\ndata: {json.dumps(logged(arrival))}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def verify(self, request: Request, body: bytes) -> Any:
        service = {"service": "training", "records": 2, "events": 6, "digest": "sha256:00", "flaws": []}
        return {"ok": True, "records": 2, "events": 6, "seconds": 0.1, "services": [service]}

    async def rebuild(self, request: Request, body: bytes) -> Any:
        into = json.loads(body)["into"]
        return JSONResponse({"id": "rb1", "state": "running", "into": into}, 202, {"Location": "/v1/log/rebuilds/rb1"})

    async def rebuilt(self, request: Request, body: bytes) -> Any:
        return {
            "id": "rb1",
            "state": "done",
            "into": "check",
            "ok": True,
            "services": [{"service": "training"}],
        }


class RunningFake:
    """The fake platform behind a real port, on a thread; `reset` gives it a new platform."""

    def __init__(self) -> None:
        self.reset()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)

        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def reset(self) -> None:
        self.platform = FakePlatform()
        self._app = self.platform.app()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        startup = self._server.startup

        async def announce(sockets: Any = None) -> None:
            await startup(sockets)
            self._started.set()

        self._server.startup = announce  # type: ignore[method-assign]
        await self._server.serve()

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def hold(self, held: bool) -> None:
        """Make followed jobs stay `running`, or let them go on."""
        event = self.platform.hold
        self.loop.call_soon_threadsafe(event.clear if held else event.set)

    def __enter__(self) -> RunningFake:
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(False)
        self._server.should_exit = True
        self._thread.join(5)


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
