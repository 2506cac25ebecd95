"""What `kill -9` of the whole platform may cost: time, and nothing else.

`tests/faults` kills it at chosen calls, commits among them; here it dies whenever it does, in the middle of long work.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.platforms import MAMMOGRAPHY, PENGUINS, Platform
from tests.waiting import until

FOREST = {"dataset": "mammography", "target": "column_7", "parameters": {"n_estimators": 60}}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that dies in every test; at the end it is stopped and its folder looked at."""
    with Platform(tmp_path_factory.mktemp("crashes")) as platform:
        platform.upload(PENGUINS)
        platform.upload(MAMMOGRAPHY)
        yield platform
        platform.keeps_its_promises()
        assert platform.stop() == 0
        platform.kept_its_promises()


def test_jobs_survive(own: Platform) -> None:
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
