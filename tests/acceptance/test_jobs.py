"""Trainings and evaluations: accepted or refused as a whole, run, watched, cancelled, and taken home."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.platforms import ALGORITHMS, LONG, MAMMOGRAPHY, PENGUINS, Platform
from tests.waiting import until

PREDICT = """
import csv, json, sys
import pandas as pd
import skops.io
path, data, features = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
# skops asks to name what of a tree it does not check itself; the platform's own list names no more.
model = skops.io.load(path, trusted=["numpy.dtype", "sklearn.tree._tree.Tree"])
print(json.dumps([str(one) for one in model.predict(pd.read_parquet(data)[features])]))
assert not any(name.partition('.')[0] in ('common', 'training_service') for name in sys.modules)
"""


def test_five_algorithms_at_once_over_the_command_line(platform: Platform, session: str) -> None:
    said = platform.cli("train", "penguins", *ALGORITHMS, "--target", "species", "--session", session, "--json")
    assert said.code == 0, said
    jobs = said.document["items"]
    assert {job["algorithm"] for job in jobs} == set(ALGORITHMS)
    assert {job["state"] for job in jobs} == {"succeeded"}
    for job in jobs:
        result = job["result"]
        assert result["measures"]["test"]["accuracy"] > 0.7
        assert result["split"]["train_rows"] + result["split"]["test_rows"] + result["split"]["dropped_rows"] == 344
        assert result["artifact"]["digest"].startswith("sha256:")
        assert result["usage"]["peak_memory"] > 0
        assert result["versions"]["scikit-learn"]
        assert result["learned"]
    assert len({job["result"]["split"]["digest"] for job in jobs}) == 1
    evaluated = platform.cli("evaluate", "--session", session, "--json")
    assert evaluated.code == 0, evaluated
    by_training = {job["training"]: job["result"] for job in evaluated.document["items"]}
    for job in jobs:
        result = by_training[job["id"]]
        assert result["measures"]["accuracy"] == job["result"]["measures"]["test"]["accuracy"]
        assert result["split"]["digest"] == job["result"]["split"]["digest"]
        assert sum(map(sum, result["confusion_matrix"]["counts"])) == result["rows"]


def test_the_artifact_opens_by_skops_alone_and_predicts(platform: Platform, session: str, tmp_path: Path) -> None:
    job = platform.train(session, "random_forest")
    model, data = tmp_path / "model.skops", tmp_path / "penguins.parquet"
    assert platform.cli("jobs", "artifact", job["id"], "-o", str(model)).code == 0
    assert platform.cli("datasets", "download", "penguins", "--format", "parquet", "-o", str(data)).code == 0
    features = json.dumps([one["name"] for one in job["result"]["features"]])
    told = [sys.executable, "-c", PREDICT, str(model), str(data), features]
    done = subprocess.run(told, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    predicted = json.loads(done.stdout)
    assert len(predicted) == 344
    assert set(predicted) == {"Adelie", "Chinstrap", "Gentoo"}


def test_everything_that_is_wrong_is_said_at_its_pointer(platform: Platform, session: str) -> None:
    body = {
        "session": session,
        "dataset": "penguins",
        "algorithm": "random_forest",
        "target": "specie",
        "parameters": {"n_estimators": 0, "max_dept": 3},
        "split": {"test_share": 2.0},
    }
    refused = platform.post("/v1/trainings", body, 422)
    flaws = {flaw["pointer"]: flaw for flaw in refused["errors"]}
    assert {"/target", "/parameters/n_estimators", "/parameters/max_dept", "/split/test_share"} <= set(flaws)
    assert "max_depth" in flaws["/parameters/max_dept"]["suggestions"]
    assert platform.get(f"/v1/sessions/{session}")["open_jobs"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"dataset": "penguin"}, "/dataset"),
        ({"algorithm": "random_forrest"}, "/algorithm"),
        ({"session": "ses_00000000000000000000000000000000"}, "/session"),
        ({"features": ["species"]}, "/features"),
        ({"exclude": ["nothing"]}, "/exclude"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    platform: Platform, session: str, change: dict[str, Any], pointer: str
) -> None:
    body = {"session": session, "dataset": "penguins", "algorithm": "svm", "target": "species", **change}
    refused = platform.post("/v1/trainings", body, 422)
    assert any(flaw["pointer"].startswith(pointer) for flaw in refused["errors"]), refused["errors"]


@pytest.mark.parametrize(
    ("content", "status"), [(b"{", 400), (b"[" * 100, 400), (b'{"a": NaN}', 422), (b'{"a": 1, "a": 2}', 422)]
)
def test_what_is_no_strict_json_is_refused(platform: Platform, content: bytes, status: int) -> None:
    answer = platform.http.post("/v1/trainings", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text


def test_confidential_settings_are_nowhere_in_clear(platform: Platform, session: str) -> None:
    # A number that nobody else would write: as JSON it is text like any other.
    platform.canaries.add(b"1.2345678912345")
    parameters = {"C": 1.2345678912345}
    job = platform.train(session, "logistic_regression", parameters=parameters, split={"seed": 918273645})
    assert job["request"]["parameters"]["C"] == 1.2345678912345


def test_evaluation_on_another_dataset(platform: Platform, session: str, tmp_path: Path) -> None:
    lines = PENGUINS.read_text().splitlines(keepends=True)
    other = tmp_path / "few.csv"
    other.write_text("".join([lines[0], *lines[50::40]]))
    platform.upload(other, "few_penguins")
    job = platform.train(session)["id"]
    result = platform.evaluate(job, dataset="few_penguins", measures=["accuracy", "f1_macro"])["result"]
    assert set(result["measures"]) == {"accuracy", "f1_macro"}
    assert result["rows"] == len(lines[50::40])
    refused = platform.post("/v1/evaluations", {"training": job, "measures": ["acuracy"]}, 422)
    assert "accuracy" in refused["errors"][0]["suggestions"]


def test_a_repeated_request_is_the_same_job(platform: Platform, session: str) -> None:
    body = {"session": session, "dataset": "penguins", "algorithm": "naive_bayes", "target": "species"}
    key = {"idempotency-key": "the-same-one"}
    first = platform.http.post("/v1/trainings", json=body, headers=key)
    again = platform.http.post("/v1/trainings", json=body, headers=key)
    assert first.status_code == again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = platform.http.post("/v1/trainings", json={**body, "algorithm": "svm"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    platform.ended(first.json()["id"])
    assert len(platform.get(f"/v1/sessions/{session}/records")["items"]) == 1


def test_waiting_at_the_door(platform: Platform, session: str) -> None:
    body = {"session": session, "dataset": "penguins", "algorithm": "naive_bayes", "target": "species"}
    answer = platform.http.post("/v1/trainings", json=body, headers={"prefer": "wait=30"})
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert answer.headers["location"] == f"/v1/trainings/{answer.json()['id']}"


def test_progress_is_a_stream_that_ends(platform: Platform, session: str) -> None:
    job = platform.train(session, "random_forest", wait=False)["id"]
    with platform.http.stream("GET", f"/v1/trainings/{job}/progress") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        said = [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:")]
    assert [one["state"] for one in said if "state" in one][-1] == "succeeded"
    output = platform.http.get(f"/v1/trainings/{job}/output")
    assert (output.status_code, output.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    platform.ended(job)


def test_progress_tells_the_step(platform: Platform, session: str) -> None:
    # Small jobs may end between two looks of a stream from another process: this one lasts until its step was told.
    platform.upload(MAMMOGRAPHY)
    job = platform.train(session, "random_forest", wait=False, **LONG)["id"]
    said = []
    with platform.http.stream("GET", f"/v1/trainings/{job}/progress") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                said.append(json.loads(line[5:]))
                if "step" in said[-1]:
                    platform.http.post(f"/v1/trainings/{job}:cancel")
    assert any("step" in one for one in said)
    assert said[-1]["state"] == "cancelled"


def test_detaching_and_coming_back(platform: Platform, session: str) -> None:
    told = ("train", "penguins", "decision_tree", "--target", "species", "--session", session)
    detached = platform.cli(*told, "--detach", "--json")
    assert detached.code == 0, detached
    job = detached.document["id"]
    followed = platform.cli("jobs", "follow", job, "--json")
    assert followed.code == 0, followed
    lines = [json.loads(line) for line in followed.out.splitlines()]
    assert lines[-1]["state"] == "succeeded"
    assert platform.cli("jobs", "wait", job).code == 0
    assert platform.cli("jobs", "output", job).code == 0


def test_cancelling_in_every_state(platform: Platform, session: str) -> None:
    platform.upload(MAMMOGRAPHY)
    # Two run, the third waits: there are two slots.
    jobs = [platform.train(session, "random_forest", wait=False, **LONG)["id"] for _ in range(3)]
    until(lambda: [platform.job(one)["state"] for one in jobs[:2]] == ["running"] * 2, 20, "two running jobs")
    assert platform.job(jobs[2])["state"] == "queued"
    assert platform.job(jobs[2])["ahead"] == 0
    assert platform.post(f"/v1/trainings/{jobs[2]}:cancel", status=200)["state"] == "cancelled"
    waited = platform.cli("jobs", "wait", jobs[0], "--timeout", "0.3")
    assert waited.code == 124, waited
    assert platform.post(f"/v1/trainings/{jobs[0]}:cancel", status=202)["state"] == "cancelling"
    assert platform.cli("jobs", "cancel", jobs[1]).code == 0
    assert [platform.ended(one)["state"] for one in jobs] == ["cancelled"] * 3
    assert platform.post(f"/v1/trainings/{jobs[0]}:cancel", status=200)["state"] == "cancelled"
    assert platform.cli("jobs", "wait", *jobs).code == 6
    assert platform.http.get(f"/v1/trainings/{jobs[0]}/artifact").status_code == 409


def test_a_failure_says_what_to_change(platform: Platform, session: str) -> None:
    platform.upload(MAMMOGRAPHY)
    job = platform.train(session, "random_forest", limits={"seconds": 0.5}, **LONG)
    assert job["state"] == "failed"
    assert job["attempt"] == 1
    assert job["problem"]["code"] == "time_limit"
    assert job["problem"]["detail"]
    assert platform.cli("jobs", "show", job["id"]).code == 0
