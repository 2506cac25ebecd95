"""A platform of its own for a measurement: started as a person would, in a temporary folder, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 120.0
LONG = 1200.0
"""Patience with a request that moves a large table."""
_PIECE = 1 << 20
_WAIT = {"Prefer": "wait=60"}


@dataclass(frozen=True)
class Server:
    """A running platform."""

    url: str
    process: int
    folder: Path
    http: httpx.Client
    ready_after: float
    """Seconds from its start to the first 200 of /readyz."""

    def json(self, method: str, path: str, **how: Any) -> Any:
        """The JSON answer to a request; an error answer raises."""
        answer = self.http.request(method, path, **how)
        answer.raise_for_status()
        return answer.json()

    def settle(self) -> None:
        """Wait until the carried-in datasets are there and the fork server has computed one training."""
        end = time.monotonic() + PATIENCE
        while len(self.json("GET", "/v1/datasets")["items"]) < 5:
            if time.monotonic() > end:
                raise TimeoutError("the carried-in datasets did not come")
            time.sleep(0.1)
        self.train(self.session("warm-up"))

    def session(self, name: str) -> str:
        """The id of a new session."""
        return str(self.json("POST", "/v1/sessions", json={"name": name})["id"])

    def train(self, session: str, **changes: Any) -> Any:
        """One small training, submitted and waited for: the job, or a `RuntimeError` if it did not succeed."""
        job = self.json("POST", "/v1/trainings", json=small(session, **changes), headers=_WAIT)
        while job["state"] in ("queued", "running"):
            job = self.json("GET", f"/v1/trainings/{job['id']}", headers=_WAIT)
        if job["state"] != "succeeded":
            raise RuntimeError(f"training {job['state']}: {job['problem']}")
        return job

    def upload(self, path: Path, name: str) -> float:
        """Seconds in which a file becomes a dataset."""
        began = time.perf_counter()
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(_PIECE), b"")
            headers = {"content-type": "application/octet-stream"}
            self.json("POST", "/v1/datasets", params={"name": name}, content=pieces, headers=headers, timeout=LONG)
        return time.perf_counter() - began

    def search(self, session: str, asked: dict[str, Any], *, may_fail: int = 0) -> tuple[float, list[Any]]:
        """Seconds from asking for a search to its end, and the trials that succeeded.

        A `RuntimeError` if more of them failed than may.
        """
        began = time.perf_counter()
        search = self.json("POST", "/v1/searches", json={**asked, "session": session})
        while search["state"] in ("queued", "running"):
            search = self.json("GET", f"/v1/searches/{search['id']}", headers=_WAIT)
        seconds = time.perf_counter() - began
        if search["state"] != "succeeded" or search["trials"]["failed"] > may_fail:
            raise RuntimeError(f"search {search['state']}: {search['problem']}")
        which = {"filter": f"search = {search['id']} and state = succeeded", "limit": 500}
        return seconds, list(self.json("GET", "/v1/trainings", params=which)["items"])

    def dataset(self, name: str, folder: Path) -> Path:
        """A copy of a stored dataset."""
        answer = self.http.get(f"/v1/datasets/{name}/content", params={"format": "parquet"})
        answer.raise_for_status()
        path = folder / f"{name}.parquet"
        path.write_bytes(answer.content)
        return path


def small(session: str, **changes: Any) -> dict[str, Any]:
    """The request of the small training: logistic regression on iris."""
    return {
        "session": session,
        "dataset": "iris",
        "target": "species",
        "algorithm": "logistic_regression",
        **changes,
    }


@contextlib.contextmanager
def server(*, module: str = "embedded", folder: Path | None = None, **settings: str) -> Iterator[Server]:
    """A platform with these settings (`port="8470"` becomes AUTOLEARN_PORT); on `folder`, or on a new one."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autolearn-bench-")))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLEARN_")}
        environment.update({f"AUTOLEARN_{name.upper()}": value for name, value in settings.items()})
        began = time.monotonic()
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", module, "--port", "0", "--data", str(folder)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(process.terminate)
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        http = stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
        while http.get("/readyz").status_code != 200:
            time.sleep(0.005)
        yield Server(url, process.pid, folder, http, time.monotonic() - began)
