"""What every scenario of the crash grid has, and the crowd that may be in flight beside one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from tests.faults.victim import Victim, fresh, paths, training


class Scenario(ABC):
    """One thing that people do, on a platform that has the penguins."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim
        self.key = fresh("key")

    @classmethod
    def name(cls) -> str:
        """As it is called in test ids and on the command line."""
        return cls.__name__.lower()

    @abstractmethod
    def prepare(self) -> None:
        """What must be there before; the platform is not armed yet."""

    @abstractmethod
    def act(self) -> None:
        """The requests, up to their effect."""

    @abstractmethod
    def check(self) -> None:
        """What must be true afterwards."""

    # Steps that several share.

    def opened(self, **fields: Any) -> str:
        """A new session."""
        return str(self.victim.ask("POST", "/v1/sessions", 201, json=fields, key=fresh("open"))["id"])

    def trained(self, session: str, algorithm: str = "naive_bayes") -> str:
        """A training that has succeeded."""
        body = training(session, algorithm)
        job = self.victim.ask("POST", "/v1/trainings", 202, json=body, key=fresh("train"))
        assert self.victim.over(job["id"])["state"] == "succeeded"
        return str(job["id"])

    def evaluated(self, job: str) -> str:
        """An evaluation that has succeeded."""
        made = self.victim.ask("POST", "/v1/evaluations", 202, json={"training": job}, key=fresh("evaluate"))
        assert self.victim.over(made["id"])["state"] == "succeeded"
        return str(made["id"])

    def items(self, path: str, **query: Any) -> list[Any]:
        """The first page of a list."""
        found: list[Any] = self.victim.ask("GET", path, 200, params=query)["items"]
        return found

    def session_is(self, session: str, state: str) -> Any:
        """The session once it is so."""

        def look() -> Any:
            found = self.victim.ask("GET", f"/v1/sessions/{session}", 200)
            return found if found["state"] == state else None

        return self.victim.wait(look, f"{session} is {state}")

    def erased(self, job: str) -> None:
        """What the job held cannot be had any more."""
        kind = paths(job)
        self.victim.ask("GET", f"{kind}/{job}", 410)
        if job.startswith("trn_"):
            self.victim.ask("GET", f"/v1/trainings/{job}/artifact", 410)


class Crowd:
    """Eight trainings of other people, on their way while the platform dies: none may be lost or doubled."""

    def __init__(self, victim: Victim, size: int = 8) -> None:
        self._victim = victim
        self._keys = [fresh("crowd") for _ in range(size)]
        self._accepted: dict[str, str] = {}
        self.session = victim.ask("POST", "/v1/sessions", 201, json={}, key=fresh("open"))["id"]

    def submit(self) -> None:
        """Send all of them, again after a crash; who had an answer gets the same one."""
        for seed, key in enumerate(self._keys):
            body = training(self.session, split={"test_share": 0.25, "seed": seed})
            job = self._victim.ask("POST", "/v1/trainings", 202, json=body, key=key)["id"]
            assert self._accepted.setdefault(key, job) == job, "the same key made another job"

    def check(self) -> None:
        """Each of them has succeeded, once."""
        for job in self._accepted.values():
            assert self._victim.over(job)["state"] == "succeeded"
        params = {"filter": f"session = {self.session}"}
        listed = self._victim.ask("GET", "/v1/trainings", 200, params=params)["items"]
        assert sorted(one["id"] for one in listed) == sorted(self._accepted.values())
