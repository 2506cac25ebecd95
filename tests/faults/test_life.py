"""The whole life of sessions in any order, with crashes and mischief in between; the oracle has the last word."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.faults.world import World

Found = TypeVar("Found")
EXAMPLES = int(os.environ.get("AUTOLEARN_TEST_EXAMPLES", "8"))
STEPS = int(os.environ.get("AUTOLEARN_TEST_STEPS", "30"))
RANDOM = os.environ.get("AUTOLEARN_TEST_RANDOM") == "yes"
"""Whether each run has lives of its own."""
REFUSED = {404, 409, 410, 422}
AWAY = {429, 503}
_TRAINING = {"dataset": "penguins", "target": "species", "algorithm": "svm"}


class Life(RuleBasedStateMachine):
    """People open, train, evaluate, drop, commit, discard, keep; the process dies; the engines lie."""

    sessions = Bundle("sessions")
    trainings = Bundle("trainings")
    failure: ClassVar[Exception | None] = None
    """The first one of all lives, as it was: the same steps may go another way, by the clock."""

    def __init__(self) -> None:
        super().__init__()
        self._story: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="autolearn-life-")
        self._runner = asyncio.Runner()
        self._accepted: set[str] = set()
        self._committed: dict[str, list[str]] = {}

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        self.world = World(Path(self._folder.name), seed)
        self._do(self.world.begin())

    def teardown(self) -> None:
        failed = sys.exc_info()[1]
        try:
            if hasattr(self, "world") and failed is None:
                self._check()
        except Exception as error:
            failed = error
            raise
        finally:
            if isinstance(failed, Exception) and Life.failure is None:
                failed.add_note("\n".join(["steps:", *self._story]))
                Life.failure = failed
            self._runner.close()
            self._folder.cleanup()

    def _check(self) -> None:
        self._do(self.world.settle())
        jobs = [*self._do(self.world.items("/v1/trainings")), *self._do(self.world.items("/v1/evaluations"))]
        assert self._accepted <= {one["id"] for one in jobs}, "an accepted job is gone"
        stored = self._do(self.world.items("/v1/experiments"))
        assert len({one["training"] for one in stored}) == len(stored), "a training was committed twice"
        for session, experiments in self._committed.items():
            assert set(experiments) <= {one["id"] for one in stored}, f"{session} has lost experiments"
        for listed in self._do(self.world.items("/v1/sessions")):
            one = self._do(self.world.ask("GET", f"/v1/sessions/{listed['id']}")).json()
            assert set(one["experiments"]) == {each["id"] for each in stored if each["session"] == one["id"]}
        self._do(self.world.end())
        assert self.world.findings() == []

    def _do(self, work: Coroutine[Any, Any, Found]) -> Found:
        return self._runner.run(work)

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Asked again with the same key while the answer is `try again later`, as our own client does."""
        told = {"idempotency-key": uuid.uuid4().hex, **headers}

        async def asking() -> httpx.Response:
            for _ in range(40):
                answer = await self.world.ask(method, path, body, **told)
                if answer.status_code not in AWAY:
                    break
                await asyncio.sleep(0.01)
            return answer

        answer = self._do(asking())
        self._story.append(f"{method} {path} {body or ''}: {answer.status_code}")
        fine = answer.is_success or answer.status_code in REFUSED | AWAY
        assert fine, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    @rule(target=sessions)
    def open(self) -> str:
        answer = self._ask("POST", "/v1/sessions", {"note": "a note"})
        return str(answer.json()["id"]) if answer.is_success else "ses_unknown"

    @rule(target=trainings, session=sessions, do=st.sampled_from(["succeed", "succeed", "succeed", "fail", "crash"]))
    def train(self, session: str, do: str) -> str:
        self._story.append(f"trainings {do}")
        self.world.tasks.do = do
        answer = self._ask("POST", "/v1/trainings", {"session": session, **_TRAINING})
        return self._job(answer)

    @rule(training=trainings)
    def evaluate(self, training: str) -> None:
        self._job(self._ask("POST", "/v1/evaluations", {"training": training}))

    def _job(self, answer: httpx.Response) -> str:
        if not answer.is_success:
            return "trn_unknown"
        job = str(answer.json()["id"])
        self._accepted.add(job)
        return job

    @rule(training=trainings)
    def wait(self, training: str) -> None:
        self._ask("GET", f"/v1/trainings/{training}", prefer="wait=1")

    @rule(training=trainings)
    def cancel(self, training: str) -> None:
        self._ask("POST", f"/v1/trainings/{training}:cancel")

    @rule(session=sessions, training=trainings)
    def drop(self, session: str, training: str) -> None:
        self._ask("DELETE", f"/v1/sessions/{session}/records/{training}")

    @rule(session=sessions)
    def keep(self, session: str) -> None:
        self._ask("POST", f"/v1/sessions/{session}:keep", {"for": 60})

    @rule(session=sessions, tag=st.sampled_from(["a", "b"]))
    def commit(self, session: str, tag: str) -> None:
        self._commits(session, {"tags": [tag]})

    @rule(session=sessions, training=trainings)
    def commit_chosen(self, session: str, training: str) -> None:
        self._commits(session, {"records": [training]})

    def _commits(self, session: str, body: Any) -> None:
        answer = self._ask("POST", f"/v1/sessions/{session}:commit", body, prefer="wait=1")
        if answer.status_code == 200:
            self._committed[session] = answer.json()["experiments"]

    @rule(session=consumes(sessions))
    def discard(self, session: str) -> None:
        self._ask("POST", f"/v1/sessions/{session}:discard")

    @rule()
    def crash(self) -> None:
        self._story.append("crash")
        self._do(self.world.crash())
        self._do(self.world.begin())

    @rule(rate=st.sampled_from([0.0, 0.02, 0.2]))
    def misbehave(self, rate: float) -> None:
        self._story.append(f"mischief {rate:g}")
        self.world.mischief.rate = rate


@pytest.mark.timeout(240 + 30 * EXAMPLES)
def test_any_life_keeps_the_promises() -> None:
    told = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not RANDOM,
        phases=[Phase.generate],  # what the clock had a part in cannot be made smaller
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Life, settings=told)  # type: ignore[no-untyped-call]
    except Exception:  # Hypothesis may raise its own about a first one that did not come again: that one is told
        if Life.failure is not None:
            raise Life.failure from None
        raise
