"""What is done to a platform while it dies: each scenario can be prepared, acted any number of times, and checked.

`act` sends the same requests with the same Idempotency-Keys every time, as a client does that had no answer; `check`
says what must be true once it has had one, however often the platform died on the way.
"""

from __future__ import annotations

from typing import Any

from tests.faults.scenario import Scenario
from tests.faults.victim import fresh, training

_CSV = {"content-type": "text/csv"}


class Upload(Scenario):
    """A file becomes a dataset."""

    def prepare(self) -> None:
        self.dataset = fresh("numbers").replace("-", "_")
        self.body = f"number,text\n1,{self.dataset}\n2,b\n".encode()

    def act(self) -> None:
        params = {"name": self.dataset}
        self.made = self.victim.ask(
            "POST", "/v1/datasets", 200, 201, params=params, content=self.body, headers=_CSV, key=self.key
        )

    def check(self) -> None:
        assert self.made["rows"] == 2
        versions = self.items("/v1/datasets", filter=f"name = '{self.dataset}'")
        assert [one["id"] for one in versions] == [self.made["id"]]
        assert [one["version"] for one in versions] == [1]
        content = self.victim.http.get(f"/v1/datasets/{self.dataset}/content", params={"format": "csv"})
        assert content.text == self.body.decode()


class Train(Scenario):
    """A training runs."""

    def prepare(self) -> None:
        self.session = self.opened(note=f"canary of {self.key}")
        self.victim.canaries.add(f"canary of {self.key}".encode())

    def act(self) -> None:
        body = training(self.session)
        self.job = self.victim.ask("POST", "/v1/trainings", 202, json=body, key=self.key)["id"]
        self.ended = self.victim.over(self.job)

    def check(self) -> None:
        assert self.ended["state"] == "succeeded", self.ended
        assert self.ended["attempt"] <= 3
        assert [one["id"] for one in self.items("/v1/trainings", filter=f"session = {self.session}")] == [self.job]
        assert [one["job"] for one in self.items(f"/v1/sessions/{self.session}/records")] == [self.job]
        artifact = self.victim.http.get(f"/v1/trainings/{self.job}/artifact")
        assert artifact.status_code == 200 and len(artifact.content) == self.ended["result"]["artifact"]["size"]


class Search(Scenario):
    """A search with halving runs through its rungs."""

    def prepare(self) -> None:
        self.session = self.opened(note=f"canary of {self.key}")
        self.victim.canaries.add(f"canary of {self.key}".encode())

    def act(self) -> None:
        space = {"algorithm": "decision_tree", "parameters": {"max_depth": [1, 2, 3]}}
        body = {**training(self.session), "method": "grid", "algorithms": [space], "halving": {"least_rows": 40}}
        del body["algorithm"]
        self.search = self.victim.ask("POST", "/v1/searches", 202, json=body, key=self.key)["id"]
        self.ended = self.victim.over(self.search)

    def check(self) -> None:
        assert self.ended["state"] == "succeeded", self.ended
        assert [rung["trials"] for rung in self.ended["rungs"]] == [3, 1]
        trials = self.items(f"/v1/searches/{self.search}/trials")
        assert [one["state"] for one in trials] == ["succeeded"] * 4
        assert self.ended["best"]["training"] == trials[0]["id"]
        listed = self.items("/v1/trainings", filter=f"session = {self.session}")
        assert sorted(one["id"] for one in listed) == sorted(one["id"] for one in trials)
        held = self.items(f"/v1/sessions/{self.session}/records")
        assert sorted(one["job"] for one in held) == sorted(one["id"] for one in trials)


class CancelSearch(Scenario):
    """A search is cancelled while trials run and wait, and discarded with its session."""

    def prepare(self) -> None:
        self.session = self.opened()
        space = {"algorithm": "random_forest", "parameters": {"n_estimators": [2_000, 2_001, 2_002, 2_003]}}
        body = {**training(self.session), "method": "grid", "algorithms": [space]}
        del body["algorithm"]
        self.search = self.victim.ask("POST", "/v1/searches", 202, json=body, key=fresh("search"))["id"]

    def act(self) -> None:
        self.victim.ask("POST", f"/v1/searches/{self.search}:cancel", 200, 202, key=self.key)
        self.ended = self.victim.over(self.search)

    def check(self) -> None:
        # On a slow day it comes to its end before the request does: then it stays as it ended.
        assert self.ended["state"] in ("cancelled", "succeeded"), self.ended
        for one in self.items("/v1/trainings", filter=f"search = {self.search}"):
            assert self.victim.over(one["id"])["state"] in ("cancelled", "succeeded")
        self.victim.ask("POST", f"/v1/sessions/{self.session}:discard", 200, 202, key=fresh("discard"))
        self.session_is(self.session, "discarded")
        self.erased(self.search)


class Cancel(Scenario):
    """A training is cancelled while it runs or waits; another one of the session goes on."""

    def prepare(self) -> None:
        self.session = self.opened()
        body = training(self.session, "random_forest", parameters={"n_estimators": 2_000})
        self.job = self.victim.ask("POST", "/v1/trainings", 202, json=body, key=fresh("train"))["id"]
        self.kept = self.victim.ask("POST", "/v1/trainings", 202, json=training(self.session), key=fresh("train"))["id"]

    def act(self) -> None:
        self.victim.ask("POST", f"/v1/trainings/{self.job}:cancel", 200, 202, key=self.key)
        self.ended = self.victim.over(self.job)

    def check(self) -> None:
        # On a slow day it comes to its end before the request does: then it stays as it ended.
        assert self.ended["state"] in ("cancelled", "succeeded"), self.ended
        again = self.victim.ask("POST", f"/v1/trainings/{self.job}:cancel", 200, 202, key=fresh("cancel"))
        assert again["state"] == self.ended["state"]
        if self.ended["state"] == "cancelled":
            assert self.victim.http.get(f"/v1/trainings/{self.job}/artifact").status_code in (404, 409)
        assert self.victim.over(self.kept)["state"] == "succeeded"
        self.victim.wait(
            lambda: not self.victim.ask("GET", f"/v1/sessions/{self.session}", 200)["open_jobs"], "no open jobs"
        )


class Evaluate(Scenario):
    """An evaluation runs."""

    def prepare(self) -> None:
        self.session = self.opened()
        self.trained_job = self.trained(self.session)

    def act(self) -> None:
        body = {"training": self.trained_job}
        self.job = self.victim.ask("POST", "/v1/evaluations", 202, json=body, key=self.key)["id"]
        self.ended = self.victim.over(self.job)

    def check(self) -> None:
        assert self.ended["state"] == "succeeded", self.ended
        trained = self.victim.ask("GET", f"/v1/trainings/{self.trained_job}", 200)
        assert self.ended["result"]["measures"]["accuracy"] == trained["result"]["measures"]["test"]["accuracy"]
        assert [one["id"] for one in self.items("/v1/evaluations", filter=f"session = {self.session}")] == [self.job]
        assert len(self.items(f"/v1/sessions/{self.session}/records")) == 2


class CommitAll(Scenario):
    """A session of two trainings and an evaluation is committed."""

    chosen = False

    def prepare(self) -> None:
        self.session = self.opened()
        self.jobs = [self.trained(self.session), self.trained(self.session, "decision_tree")]
        self.evaluation = self.evaluated(self.jobs[0])

    def act(self) -> None:
        body: dict[str, Any] = {"tags": ["once"]}
        if self.chosen:
            body["records"] = self.jobs[:1]
        path = f"/v1/sessions/{self.session}:commit"
        self.victim.ask("POST", path, 200, 202, json=body, key=self.key, headers={"prefer": "wait=5"})
        self.committed = self.session_is(self.session, "open" if self.chosen else "committed")

    def check(self) -> None:
        expected = self.jobs[:1] if self.chosen else self.jobs
        found = self.items("/v1/experiments", filter=f"session = {self.session}")
        assert sorted(one["training"] for one in found) == sorted(expected)
        assert sorted(self.committed["experiments"]) == sorted(one["id"] for one in found)
        for one in found:
            full = self.victim.ask("GET", f"/v1/experiments/{one['id']}", 200)
            assert len(full["evaluations"]) == (one["training"] == self.jobs[0])
            artifact = self.victim.http.get(f"/v1/experiments/{one['id']}/artifact")
            assert artifact.status_code == 200, artifact.text
            assert self.victim.ask("GET", f"/v1/trainings/{one['training']}", 200)["experiment"] == one["id"]


class CommitChosen(CommitAll):
    """One training leaves its session, which goes on."""

    chosen = True

    def check(self) -> None:
        super().check()
        rest = self.victim.ask("GET", f"/v1/trainings/{self.jobs[1]}", 200)
        assert rest["state"] == "succeeded" and rest["experiment"] is None
        held = self.items(f"/v1/sessions/{self.session}/records")
        assert [one["job"] for one in held] == [self.jobs[1]]
        self.trained(self.session)


class Drop(Scenario):
    """A training is taken out of its session, with its evaluation."""

    def prepare(self) -> None:
        self.session = self.opened()
        self.gone, self.kept = self.trained(self.session), self.trained(self.session, "decision_tree")
        self.evaluation = self.evaluated(self.gone)

    def act(self) -> None:
        path = f"/v1/sessions/{self.session}/records/{self.gone}"
        self.victim.ask("DELETE", path, 204, key=self.key)

    def check(self) -> None:
        assert [one["job"] for one in self.items(f"/v1/sessions/{self.session}/records")] == [self.kept]
        self.erased(self.gone)
        self.erased(self.evaluation)
        self.victim.wait(
            lambda: not self.victim.ask("GET", f"/v1/sessions/{self.session}", 200)["open_jobs"], "no open jobs"
        )
        path = f"/v1/sessions/{self.session}:commit"
        self.victim.ask("POST", path, 200, json={}, headers={"prefer": "wait=20"})
        found = self.items("/v1/experiments", filter=f"session = {self.session}")
        assert [one["training"] for one in found] == [self.kept]


class Discard(Scenario):
    """A session is discarded while one of its jobs runs or waits."""

    def prepare(self) -> None:
        self.session = self.opened(note=f"canary of {self.key}")
        self.victim.canaries.add(f"canary of {self.key}".encode())
        self.done = self.trained(self.session)
        body = training(self.session, "random_forest", parameters={"n_estimators": 2_000})
        self.open = self.victim.ask("POST", "/v1/trainings", 202, json=body, key=fresh("train"))["id"]

    def act(self) -> None:
        self.victim.ask("POST", f"/v1/sessions/{self.session}:discard", 200, 202, key=self.key)
        self.session_is(self.session, "discarded")

    def check(self) -> None:
        self.erased(self.done)
        self.erased(self.open)
        assert not self.items("/v1/experiments", filter=f"session = {self.session}")


class Expire(Scenario):
    """A session's time is over, whether its training has ended by then or not."""

    def prepare(self) -> None:
        self.session = self.opened(expires_in=6)
        self.job = self.victim.ask("POST", "/v1/trainings", 202, json=training(self.session), key=fresh("train"))["id"]

    def act(self) -> None:
        self.session_is(self.session, "expired")

    def check(self) -> None:
        self.erased(self.job)


class DeleteDataset(Scenario):
    """A dataset nobody uses is deleted, both of its versions."""

    def prepare(self) -> None:
        self.dataset = fresh("numbers").replace("-", "_")
        for row in (1, 2):
            body = f"number,text\n{row},{self.dataset}\n".encode()
            params = {"name": self.dataset}
            self.victim.ask("POST", "/v1/datasets", 201, params=params, content=body, headers=_CSV, key=fresh("up"))

    def act(self) -> None:
        # 404: the request before this one deleted it without having been able to say so.
        self.victim.ask("DELETE", f"/v1/datasets/{self.dataset}", 204, params={"all": "true"}, key=self.key)

    def check(self) -> None:
        self.victim.ask("GET", f"/v1/datasets/{self.dataset}", 404)
        assert not self.items("/v1/datasets", filter=f"name = '{self.dataset}'")


SCENARIOS: tuple[type[Scenario], ...] = (
    Upload,
    Train,
    Evaluate,
    CommitAll,
    CommitChosen,
    Drop,
    Discard,
    Expire,
    DeleteDataset,
    Cancel,
    Search,
    CancelSearch,
)
