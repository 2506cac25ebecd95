"""Real platforms for tests: `python -m embedded` in a folder of its own, spoken to over REST and the command line."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import httpx
import psutil

from tests import oracle, warm
from tests.places import Folder, Place
from tests.waiting import until
from tests.warm import WarmProcess

DATA = Path(__file__).parent / "data"
PENGUINS = DATA / "penguins.csv"
MAMMOGRAPHY = DATA / "mammography.csv"
ALGORITHMS = ("logistic_regression", "decision_tree", "random_forest", "svm", "naive_bayes")
SHORT = {
    "AUTOLEARN_BUILTIN_DATASETS": "false",
    "AUTOLEARN_DEADLINE": "20",  # a busy machine is no failure of what is tested; the deadline has its own tests
    "AUTOLEARN_DRAIN": "5",
    "AUTOLEARN_HEARTBEAT": "0.5",
    "AUTOLEARN_LEASE": "3",
    "AUTOLEARN_RECONCILE": "0.3",
    "AUTOLEARN_RESERVATION": "1",
    "AUTOLEARN_SLOTS": "2",
    "AUTOLEARN_SWEEP": "0.1",
}
"""Settings that make every wait short."""
LONG: Mapping[str, Any] = {
    "dataset": "mammography",
    "target": "column_7",
    "parameters": {"n_estimators": 10_000},
}
"""A random forest that grows for minutes: time to interrupt it."""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment without its own settings, with everything of AutoLearn below `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLEARN_")}
    homes = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    return {**kept, **SHORT, **homes, "COLUMNS": "200", "NO_COLOR": "1", **more}


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


def command(
    *words: str, environment: Mapping[str, str], timeout: float = 50.0, module: str = "cli", text: str | None = None
) -> Said:
    """Run `python -m MODULE WORDS…` to its end, with `text` as its input, else none."""
    with TemporaryFile("w+") as given, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        given.write(text or "")
        given.seek(0)
        streams = given.fileno(), out.fileno(), err.fileno()
        code = warm.start(module, words, environment, *streams).wait(timeout)
        out.seek(0)
        err.seek(0)
        return Said(code, out.read(), err.read())


class Platform:
    """A platform on `folder / "data"`; it can be stopped, killed and started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.data = folder, folder / "data"
        self.environment = environment(folder, **settings)
        self.logs = folder / "platform.log"
        self.canaries: set[bytes] = set()
        self.url = ""
        self.process: WarmProcess | None = None
        self.http = httpx.Client(verify=False)

    @classmethod
    def restored(cls, backup: Path, source: Platform, folder: Path) -> Platform:
        """One in `folder` on what a backup of `source` holds, not started yet."""
        folder.mkdir()
        platform = cls(folder)
        key = ("--key", str(source.data / "master.key"))
        said = platform.cli("admin", "restore", str(backup), *key, "--data", str(platform.data))
        assert said.code == 0, said
        return platform

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.http.close()
        if self.process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> Self:
        """Start it and wait for the line that says where it listens."""
        with self.logs.open("a") as log:
            words = ["--port", "0", "--data", str(self.data)]
            self.process = warm.start("embedded", words, self.environment, stderr=log.fileno())
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert "http://" in first, f"it did not start: {first!r} {self.logs.read_text()[-2_000:]}"
        self.url = first.split()[-1]
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False)
        return self

    def stop(self, timeout: float = 20.0) -> int:
        """Ask it to end; gives its exit code. Nothing of it may be left."""
        family = self.family()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._ended(family, timeout)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        family = self.family()
        assert self.process is not None
        self.process.kill()
        self._ended(family, 20.0)

    def family(self) -> list[psutil.Process]:
        """Its descendants."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _ended(self, family: Iterable[psutil.Process], timeout: float) -> int:
        assert self.process is not None
        process, self.process = self.process, None
        code = process.wait(timeout)
        assert process.stdout is not None
        process.stdout.close()
        _, alive = psutil.wait_procs(list(family), 10)
        assert not alive, f"left behind: {alive}"
        return code

    def cli(self, *words: str, text: str | None = None, timeout: float = 50.0, **more: str) -> Said:
        """Run a command of `autolearn` for this platform."""
        told = {**self.environment, "AUTOLEARN_URL": self.url, **more}
        return command(*words, environment=told, text=text, timeout=timeout)

    def json(self, *words: str) -> Any:
        """What a command that must succeed says with `--json`."""
        said = self.cli(*words, "--json")
        assert said.code == 0, (words, said)
        return said.document

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON answer to a GET of this status."""
        return self._answer(self.http.get(path, params=query), status)

    def post(self, path: str, body: Any = None, status: int | None = 200, **headers: str) -> Any:
        """The JSON answer to a POST of this status; None: of any success."""
        return self._answer(self.http.post(path, json=body, headers=headers), status)

    @staticmethod
    def _answer(response: httpx.Response, status: int | None) -> Any:
        said = f"{response.status_code} {response.text}"
        assert response.status_code == status or (status is None and response.is_success), said
        return response.json() if response.content else None

    # What most tests need.

    def upload(self, path: Path, name: str | None = None) -> Any:
        """Upload a file; the dataset version."""
        query = {"name": name or path.stem}
        answer = self.http.post("/v1/datasets", content=path.read_bytes(), params=query, headers=_CSV)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def session(self, **fields: Any) -> str:
        """Open a session; its id."""
        return str(self.post("/v1/sessions", fields, 201)["id"])

    def train(self, session: str, algorithm: str = "naive_bayes", *, wait: bool = True, **fields: Any) -> Any:
        """Train on the penguins unless told otherwise; the job, ended if `wait`."""
        body = {"session": session, "dataset": "penguins", "target": "species", "algorithm": algorithm, **fields}
        job = self.post("/v1/trainings", body, 202)
        return self.ended(job["id"]) if wait else job

    def evaluate(self, training: str, **fields: Any) -> Any:
        """Evaluate a training; the ended job."""
        return self.ended(self.post("/v1/evaluations", {"training": training, **fields}, 202)["id"])

    def job(self, identifier: str) -> Any:
        """A job as it is now."""
        kind = "trainings" if identifier.startswith("trn_") else "evaluations"
        return self.get(f"/v1/{kind}/{identifier}")

    def ended(self, identifier: str, seconds: float = 40.0) -> Any:
        """The job once it has ended and its session has taken note."""

        def look() -> Any:
            job = self.job(identifier)
            open_jobs = self.get(f"/v1/sessions/{job['session']}")["open_jobs"]
            return job if job["state"] in _ENDS and identifier not in open_jobs else None

        return until(look, seconds, f"the end of {identifier}")

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until no job is open, so that the oracle may ask for their ends."""
        open_jobs = "state in ('queued', 'running', 'cancelling')"
        until(lambda: not self.get("/v1/jobs", filter=open_jobs)["items"], seconds, "the end of all jobs")

    def keeps_its_promises(self) -> None:
        """Hold the running platform against the oracle; what is on its way gets a moment."""
        self.settle()

        def found() -> list[oracle.Finding]:
            return oracle.findings(self.place(), self.canaries, url=self.url, logs=self.logs_of())

        deadline = time.monotonic() + 10
        while (left := found()) and time.monotonic() < deadline:
            if not any(one.point in ("O4", "O7") for one in left):
                break
        assert not left, "the oracle found:\n" + "\n".join(f"  {one}" for one in left)

    def kept_its_promises(self) -> None:
        """Hold the stopped platform against the oracle."""
        oracle.oracle(self.place(), self.canaries, logs=self.logs_of())

    def place(self) -> Place:
        """What the oracle looks at."""
        return Folder(self.data)

    def logs_of(self) -> list[Path]:
        """The files that took its words."""
        return [self.logs]


_CSV = {"content-type": "text/csv"}
_ENDS = ("succeeded", "failed", "cancelled")
