"""People at work while something happens to the platform: they train and commit, and count what they are answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.platforms import Platform

_PAUSE = 0.2
"""Seconds before something is asked again, as a client does that was told so."""
_WAIT = 5
_PATIENCE = 120.0
_ENDS = ("succeeded", "failed", "cancelled")


@dataclass
class Round:
    """What one of them did: a session, and what was accepted in it."""

    session: str
    trainings: list[str] = field(default_factory=list)
    committed: bool = False


class Load:
    """`people` open sessions, train twice in each, and commit it, again and again until the end of the context.

    Every change carries a key, so that it may be asked for again after a 503. At the end everybody finishes the round
    that was begun, and what was accepted is looked at: that everything is there, once.
    """

    def __init__(self, platform: Platform, people: int = 2) -> None:
        self._platform = platform
        self.answers: Counter[int] = Counter()
        """How often each status was answered."""
        self.slowest = 0.0
        """Seconds that the slowest refusal took."""
        self.rounds: list[Round] = []
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._deadline = float("inf")
        self._people = [threading.Thread(target=self._live, name=f"person-{n}", daemon=True) for n in range(people)]

    def __enter__(self) -> Self:
        for person in self._people:
            person.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._deadline = time.monotonic() + (_PATIENCE if kind is None else 0.0)
        self._over.set()
        for person in self._people:
            person.join(_PATIENCE + 2 * _WAIT)
        if kind is None:
            self._look()

    def __str__(self) -> str:
        return f"{self.accepted} accepted, {dict(self.answers)}, refused within {self.slowest:.2f} s"

    @property
    def accepted(self) -> int:
        """Trainings that were accepted so far."""
        return sum(len(one.trainings) for one in self.rounds)

    def _live(self) -> None:
        with httpx.Client(base_url=self._platform.url, timeout=60, trust_env=False) as http:
            try:
                while not self._over.is_set():
                    self._round(http)
            except AssertionError as error:
                self.wrong.append(str(error))

    def _round(self, http: httpx.Client) -> None:
        one = Round(self._ask(http, "POST", "/v1/sessions", {})["id"])
        self.rounds.append(one)
        for algorithm in ("naive_bayes", "decision_tree"):
            asked = {"session": one.session, "dataset": "penguins", "target": "species", "algorithm": algorithm}
            one.trainings.append(self._ask(http, "POST", "/v1/trainings", asked)["id"])
        for training in one.trainings:
            while (state := self._ask(http, "GET", f"/v1/trainings/{training}")["state"]) not in _ENDS:
                pass
            assert state == "succeeded", f"{training} {state}"
        state = self._ask(http, "POST", f"/v1/sessions/{one.session}:commit", {})["state"]
        while state == "committing":
            state = self._ask(http, "GET", f"/v1/sessions/{one.session}")["state"]
        assert state == "committed", f"{one.session} is {state} after its commit"
        one.committed = True

    def _ask(self, http: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request that is repeated as long as it is refused for now."""
        headers = {"idempotency-key": uuid4().hex} if method == "POST" else {"prefer": f"wait={_WAIT}"}
        while True:
            assert time.monotonic() < self._deadline, f"{method} {path} is still refused"
            begun = time.monotonic()
            try:
                answer = http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                raise AssertionError(f"{method} {path} got no answer: {error!r}") from error
            self.answers[answer.status_code] += 1
            if answer.is_success:
                return answer.json()
            assert answer.status_code == 503, f"{method} {path} got {answer.status_code} {answer.text}"
            self.slowest = max(self.slowest, time.monotonic() - begun)
            threading.Event().wait(_PAUSE)

    def _look(self) -> None:
        wrong = [*self.wrong]
        for one in self.rounds:
            if not one.committed:
                wrong.append(f"{one.session} was never committed")
                continue
            session = self._platform.get(f"/v1/sessions/{one.session}")
            experiments = [self._platform.get(f"/v1/experiments/{name}") for name in session["experiments"]]
            if sorted(found["training"] for found in experiments) != sorted(one.trainings):
                wrong.append(f"{one.session} holds {experiments}, accepted were {one.trainings}")
            asked = self._platform.get("/v1/jobs", filter=f"session = {one.session}")["items"]
            if sorted(job["id"] for job in asked) != sorted(one.trainings):
                wrong.append(f"{one.session} has the jobs {asked}, accepted were {one.trainings}")
        assert not wrong, "\n".join(wrong)
        assert self.rounds, f"nobody got through: {self.answers}"
