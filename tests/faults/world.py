"""All services that sessions live in, in this process, on real files, with tasks that only pretend: a world that ends
and begins again in the same folder."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import Any

import httpx

import evaluation_service.bootstrap
import session_service.bootstrap
import storage_service.bootstrap
import training_service.bootstrap
from common.ports.task_runner import OutcomeKind, TaskOutcome, TaskSpec
from common.runtime import Runtime
from tests import oracle
from tests.eventually import until
from tests.fake_services import FakeCatalogue
from tests.fake_tasks import FakeTaskRunner
from tests.faults.mischief import Mischief
from tests.runtimes import http, light_runtime, running
from tests.unit.learning.requests import dataset

_BUILD = (
    session_service.bootstrap,
    storage_service.bootstrap,
    training_service.bootstrap,
    evaluation_service.bootstrap,
)
_MODEL = b"a model " * 200
_ARTIFACT = {"digest": f"sha256:{hashlib.sha256(_MODEL).hexdigest()}", "size": len(_MODEL), "format": "skops"}
_PLACES = {"trainings": "training", "evaluations": "evaluation", "sessions": "session", "experiments": "storage"}
_OPEN = ("queued", "running", "cancelling")


class PretendingTasks(FakeTaskRunner):
    """Trainings that write a small artifact, and evaluations that find the same measure; `do` is asked of trainings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.content = _MODEL

    def _outcome(self, task: TaskSpec, asked: str) -> TaskOutcome:
        training = task.function.startswith("training_service.")
        measures: dict[str, Any] = {"test": {"f1": 0.9}, "train": {"f1": 1.0}} if training else {"f1": 0.9}
        model = {"artifact": _ARTIFACT, "features": [{"name": "mass", "type": "number"}]} if training else {}
        self.result = {"measures": measures, "usage": {"fits": 1}, **model}
        outcome = super()._outcome(task, asked if training else "succeed")
        assert outcome.kind is not OutcomeKind.cancelled
        return outcome


async def _nothing() -> None:
    """What a dead process does."""


class World:
    """It is begun, ended, or killed, any number of times."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.data, self._work, self._seed = folder / "data", folder / "work", seed
        self._work.mkdir()
        self.lives = 0

    async def begin(self) -> None:
        """All services on the folder as it is."""
        self.lives += 1
        self._stack = contextlib.AsyncExitStack()
        # The oracle holds a key for no plaintext here, and needs the folder of the platform to itself.
        self.runtime: Runtime = await self._stack.enter_async_context(
            light_runtime(self.data, drain=0.05, slots=2, sweep=0.03, reconcile=0.05, reservation=0.4)
        )
        self.tasks = PretendingTasks(self._work)
        self.runtime.tasks = self.tasks
        self.mischief = Mischief(self._seed * 1_000 + self.lives)
        FakeCatalogue(self.runtime, penguins=dataset())
        await self.runtime.blobs.put_bytes("catalog/penguins/1.parquet", b"a table")
        services = [module.build(self.runtime) for module in _BUILD]
        await self._stack.enter_async_context(running(self.runtime, services))
        self._clients = {one.name: await self._stack.enter_async_context(http(one)) for one in services}
        self._workers = [asyncio.ensure_future(loop()) for one in services for loop in one.task_loops.values()]
        self._stack.push_async_callback(self._stop_working)
        self.mischief.install(self.runtime)

    async def end(self) -> None:
        """As a platform that was asked to."""
        self.mischief.rate = 0.0
        await self._stack.aclose()

    async def crash(self) -> None:
        """As a process that was killed: what it has not written is never written."""
        self.mischief.dead = True
        journal: Any = self.runtime.journal
        journal.flush = _nothing  # at its end it would wait for the log that a dead process does not reach
        await self._stack.aclose()

    async def _stop_working(self) -> None:
        for task in self._workers:
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request as people send it."""
        client = self._clients[_PLACES[path.split("/")[2]]]
        return await client.request(method, path, json=body, headers=headers, timeout=30)

    async def items(self, path: str, **query: Any) -> list[Any]:
        """The first 500 of a list."""
        client = self._clients[_PLACES[path.split("/")[2]]]
        answer = await client.get(path, params={"limit": 500, **query})
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["items"]
        return found

    async def settle(self) -> None:
        """Without mischief, until nothing is on its way."""
        self.mischief.rate = 0.0

        async def quiet() -> bool:
            sessions = await self.items("/v1/sessions")
            if any(one["open_jobs"] or one["state"] in ("committing", "discarding") for one in sessions):
                return False
            jobs = [*await self.items("/v1/trainings"), *await self.items("/v1/evaluations")]
            return not any(one["state"] in _OPEN for one in jobs)

        await until(quiet, 30)

    def findings(self) -> list[str]:
        """What the oracle has against the folder of a world that has ended."""
        return [str(one) for one in oracle.findings(self.data) if one.point in ("O1", "O2", "O3")]
