"""What `kill -9` of the whole platform may cost: time, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import oracle
from tests.platforms import MAMMOGRAPHY, PENGUINS, Platform
from tests.waiting import until

FOREST = {"dataset": "mammography", "target": "column_7", "parameters": {"n_estimators": 60}}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A platform of this test alone; at the end it is stopped and its folder looked at."""
    with Platform(tmp_path) as platform:
        platform.upload(PENGUINS)
        yield platform
        platform.keeps_its_promises()
        assert platform.stop() == 0
        platform.kept_its_promises()


def events(platform: Platform, type_: str) -> list[Any]:
    """The events of a type in the log, from its file."""
    return [
        event for row in oracle.read(platform.data) for event in row.events if event["type"] == f"autolearn.{type_}.v1"
    ]


def test_jobs_survive(own: Platform) -> None:
    own.upload(MAMMOGRAPHY)
    session = own.session()
    running = own.train(session, "random_forest", wait=False, **FOREST)
    until(lambda: own.job(running["id"])["state"] == "running", 20, "a running job")
    waiting = [own.train(session, algorithm, wait=False)["id"] for algorithm in ("naive_bayes", "svm", "svm")]
    own.kill()
    own.start()
    job = own.ended(running["id"], 60)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert {own.ended(one)["state"] for one in waiting} == {"succeeded"}
    assert [record["job"] for record in own.get(f"/v1/sessions/{session}/records", sort="created")["items"]] == [
        running["id"],
        *waiting,
    ]
    evaluated = own.evaluate(running["id"])
    assert evaluated["result"]["measures"]["accuracy"] == job["result"]["measures"]["test"]["accuracy"]


def test_a_cancel_survives(own: Platform) -> None:
    own.upload(MAMMOGRAPHY)
    long = {**FOREST, "parameters": {"n_estimators": 10_000}}
    job = own.train(own.session(), "random_forest", wait=False, **long)["id"]
    until(lambda: own.job(job)["state"] == "running", 20, "a running job")
    assert own.post(f"/v1/trainings/{job}:cancel", status=202)["state"] == "cancelling"
    own.kill()
    own.start()
    assert own.ended(job)["state"] == "cancelled"


def test_what_was_accepted_is_there(own: Platform) -> None:
    session = own.session(name="kept", note="canary of a note that survives")
    own.canaries.add(b"canary of a note that survives")
    own.kill()
    own.start()
    assert own.get(f"/v1/sessions/{session}")["note"] == "canary of a note that survives"
    assert own.get("/v1/datasets/penguins")["rows"] == 344


@pytest.mark.parametrize(
    "moment",
    ["session.commit_started", "experiment.stored", "commit.sealed", "training.committed"],
)
def test_a_commit_is_finished_exactly_once(own: Platform, moment: str) -> None:
    session = own.session()
    jobs = [own.train(session, algorithm)["id"] for algorithm in ("naive_bayes", "decision_tree", "naive_bayes")]
    own.post(f"/v1/sessions/{session}:commit", {"tags": ["once"]}, status=None)
    # As soon as this step is on disk, and whatever of the rest by then: the steps are milliseconds apart.
    until(lambda: events(own, moment), 20, moment)
    own.kill()
    own.start()
    until(lambda: own.get(f"/v1/sessions/{session}")["state"] == "committed", 20, "a committed session")
    experiments = own.get("/v1/experiments")["items"]
    assert sorted(one["training"] for one in experiments) == sorted(jobs)
    assert sorted(own.get(f"/v1/sessions/{session}")["experiments"]) == sorted(one["id"] for one in experiments)
    assert len(events(own, "commit.sealed")) == 1
    assert len(events(own, "experiment.stored")) == 3
    assert len(events(own, "session.committed")) == 1
    assert len(own.http.get(f"/v1/experiments/{experiments[0]['id']}/artifact").raise_for_status().content) > 1_000
