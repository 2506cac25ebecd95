"""A platform that dies where it is told, and is started again."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from common.contracts.jobs import PATHS
from tests import warm
from tests.engine_platform import EnginePlatform
from tests.faults.points import ARMED, CALLS, FOLDER, KILLED, Point
from tests.platforms import Platform

Found = TypeVar("Found")


class Died(Exception):
    """The platform went away in the middle."""


class Victim(Platform):
    """The platform in the launcher; `point` is where it dies while it is armed."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **settings)
        self.faults = folder / "faults"
        self.faults.mkdir(parents=True, exist_ok=True)
        self.point: Point | None = None

    def start(self) -> Self:
        """Start it; raises `Died` if it is armed and dies before it listens."""
        with self.logs.open("a") as log:
            words = ["--port", "0", "--data", str(self.data)]
            told = {**self.environment, FOLDER: str(self.faults)}
            self.process = warm.start("tests.faults.launcher", words, told, stderr=log.fileno())
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first and self.killed:
            raise Died
        assert "http://" in first, f"it did not start: {first!r} {self.logs.read_text()[-2_000:]}"
        self.url = first.split()[-1]
        self.http.close()
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False)
        return self

    # Dying.

    def arm(self, point: Point | None = None) -> None:
        """Count from now on, and die at the `point`."""
        self.point = point
        (self.faults / KILLED).unlink(missing_ok=True)
        written = self.faults / "arming"
        written.write_text(str(point or ""))
        written.rename(self.faults / ARMED)

    def disarm(self) -> None:
        """Count no more."""
        (self.faults / ARMED).unlink(missing_ok=True)

    @property
    def killed(self) -> str:
        """Where it has killed itself, if it has."""
        file = self.faults / KILLED
        return file.read_text() if file.exists() else ""

    @property
    def calls(self) -> list[str]:
        """The calls counted so far."""
        return (self.faults / CALLS).read_text().split()

    def dead(self) -> bool:
        """Whether its process has gone."""
        return self.process is not None and self.process.poll() is not None

    def bury(self) -> None:
        """See that it was killed where it was told to, and that nothing of it is left."""
        family = self.family()
        code = self._ended(family, 20.0)
        assert code == -signal.SIGKILL, f"it ended with {code}: {self.logs.read_text()[-2_000:]}"
        assert self.killed == str(self.point)

    # Requests of somebody who lives on: they can be repeated.

    def ask(self, method: str, path: str, *fine: int, key: str = "", **more: Any) -> Any:
        """The JSON answer to a request with this idempotency key. Raises `Died` when no answer comes."""
        headers = {**({"idempotency-key": key} if key else {}), **more.pop("headers", {})}
        try:
            answer = self.http.request(method, path, headers=headers, **more)
        except httpx.TransportError as error:
            raise Died from error
        assert answer.status_code in fine, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def wait(self, look: Callable[[], Found], what: str, seconds: float = 45.0) -> Found:
        """The first true value of `look`. Raises `Died` as soon as the platform has gone."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if self.dead():
                raise Died
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
            time.sleep(0.03)
        return found

    def over(self, job: str) -> Any:
        """The job once it has ended and its session knows."""

        def look() -> Any:
            found = self.ask("GET", f"{paths(job)}/{job}", 200)
            if found["state"] not in ("succeeded", "failed", "cancelled"):
                return None
            session = self.ask("GET", f"/v1/sessions/{found['session']}", 200)
            return None if job in session["open_jobs"] else found

        return self.wait(look, f"the end of {job}")


class EngineVictim(EnginePlatform, Victim):
    """One whose state, log, messages and blobs are in real engines."""


def paths(job: str) -> str:
    """Where jobs of this one's kind are."""
    return PATHS[{"trn": "training", "evl": "evaluation", "srch": "search"}[job.partition("_")[0]]]


def training(session: str, algorithm: str = "naive_bayes", **more: Any) -> Mapping[str, Any]:
    """A small training of the penguins."""
    return {"session": session, "dataset": "penguins", "target": "species", "algorithm": algorithm, **more}


def fresh(name: str) -> str:
    """A name, or an idempotency key, that nobody has used."""
    return f"{name}-{uuid.uuid4().hex[:12]}"
