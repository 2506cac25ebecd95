"""The neighbours of job services, with just the routes that jobs need: sessions with their keys, and a catalogue."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from fastapi import Request, Response

from common import errors
from common.http.app import router
from common.runtime import Runtime


class FakeSessions:
    """`ses_1`, `ses_2` … are open sessions; a test closes one, destroys its key, or takes the service away."""

    def __init__(self, runtime: Runtime, *names: str) -> None:
        self.keys = {name: secrets.token_bytes(32) for name in names or ("ses_1",)}
        self.reserved: dict[str, str] = {}
        self.released: list[str] = []
        self.closed: set[str] = set()
        self.away = False
        self.key_requests = 0
        api = router()

        @api.get("/v1/sessions/{reference}")
        async def show(reference: str) -> dict[str, str]:
            return {"id": self._known(reference)}

        @api.post("/internal/sessions/{reference}:reserve")
        async def reserve(reference: str, request: Request) -> dict[str, str]:
            session, asked = self._known(reference), await request.json()
            if session in self.closed:
                raise errors.SessionClosed(f"{session} is committed")
            self.reserved[asked["job"]] = session
            return {"session": session, "key": base64.b64encode(self.keys[session]).decode()}

        @api.post("/internal/sessions/{session}:release")
        async def release(session: str, request: Request) -> Response:
            job = (await request.json())["job"]
            self.reserved.pop(job, None)
            self.released.append(job)
            return Response(status_code=204)

        @api.get("/internal/keys/{owner}")
        async def key(owner: str) -> dict[str, str]:
            self.key_requests += 1
            if owner not in self.keys:
                raise errors.Gone(f"the key of {owner} was destroyed")
            return {"owner": owner, "key": base64.b64encode(self.keys[owner]).decode()}

        self.app = runtime.app("session", title="sessions", routers=[api])

    def _known(self, reference: str) -> str:
        if self.away:
            raise errors.Unavailable("sessions are away")
        if reference not in self.keys:
            raise errors.NotFound(f"there is no session {reference!r}")
        return reference


class FakeCatalogue:
    """Datasets by reference, as the catalogue describes them to services."""

    def __init__(self, runtime: Runtime, **datasets: dict[str, Any]) -> None:
        self.datasets = datasets
        self.estimators: dict[str, dict[str, Any]] = {}
        api = router()

        @api.get("/v1/algorithms/{name}")
        async def estimator(name: str) -> dict[str, Any]:
            if name not in self.estimators:
                detail = f"there is no estimator {name!r}; did you mean another?"
                raise errors.NotFound(detail, extra={"suggestions": [*self.estimators]})
            return self.estimators[name]

        @api.get("/internal/datasets/{reference}")
        async def show(reference: str) -> dict[str, Any]:
            name = reference.partition("@")[0]
            if name not in self.datasets:
                raise errors.NotFound(f"there is no dataset {reference!r}", extra={"suggestions": [*self.datasets]})
            return {"dataset": self.datasets[name], "blob": f"catalog/{name}/1.parquet"}

        self.app = runtime.app("catalog", title="catalogue", routers=[api])
