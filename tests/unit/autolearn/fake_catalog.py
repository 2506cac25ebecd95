"""Information, algorithms, measures and datasets of the stand-in for the platform."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from common import errors, ids, times
from tests.unit.autolearn.fake_state import FakeState, algorithm


class FakeCatalog(FakeState):
    """Its routes."""

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
