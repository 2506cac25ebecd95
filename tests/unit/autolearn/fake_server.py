"""A stateful stand-in for the platform: the routes the client uses, on a real socket, with faults on demand.

Jobs advance only when somebody follows them, so nothing here depends on time.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from common import errors
from tests.unit.autolearn.fake_catalog import FakeCatalog
from tests.unit.autolearn.fake_searches import FakeSearches
from tests.unit.autolearn.fake_state import logged, problem
from tests.unit.autolearn.fake_work import FakeWork


class FakePlatform(FakeCatalog, FakeWork, FakeSearches):
    """All of it behind its routes."""

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
                route("/v1/searches", self.begin_search, "POST"),
                route("/v1/searches/{ref}", self.show_search, "GET", "POST"),
                route("/v1/searches/{ref}/trials", self.search_trials),
                route("/v1/searches/{ref}/progress", self.search_progress),
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
