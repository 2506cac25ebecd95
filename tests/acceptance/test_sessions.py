"""Sessions and what is kept of them: compared, dropped, committed, discarded, expired; and the experiments."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.platforms import Platform
from tests.waiting import until


def test_dropping_takes_evaluations_along(platform: Platform, session: str) -> None:
    kept, dropped = platform.train(session)["id"], platform.train(session, "decision_tree")["id"]
    platform.evaluate(dropped)
    compared = platform.get(f"/v1/sessions/{session}:compare")
    assert len(compared["ids"]) == 3
    assert platform.cli("session", "drop", dropped, "--session", session, "--yes").code == 0
    assert [one["job"] for one in platform.get(f"/v1/sessions/{session}/records")["items"]] == [kept]
    assert platform.http.get(f"/v1/trainings/{dropped}").status_code == 410


def test_a_commit_is_refused_while_a_job_is_open_and_without_results(platform: Platform, session: str) -> None:
    assert platform.post(f"/v1/sessions/{session}:commit", {}, 422)["errors"][0]["code"] == "nothing_to_commit"
    platform.train(session)
    job = platform.train(session, "random_forest", parameters={"n_estimators": 2_000}, wait=False)["id"]
    assert platform.post(f"/v1/sessions/{session}:commit", {}, 409)["code"] == "session_busy"
    platform.post(f"/v1/trainings/{job}:cancel", status=None)
    platform.ended(job)


def test_chosen_ones_leave_and_the_session_goes_on(platform: Platform, session: str) -> None:
    first, second = platform.train(session)["id"], platform.train(session, "decision_tree")["id"]
    evaluation = platform.evaluate(first)["id"]
    answer = platform.post(f"/v1/sessions/{session}:commit", {"records": [first]}, prefer="wait=20")
    assert answer["state"] == "open"
    (experiment,) = answer["experiments"]
    shown = platform.get(f"/v1/experiments/{experiment}")
    assert shown["training"] == first
    assert [one["id"] for one in shown["evaluations"]] == [evaluation]
    assert [one["job"] for one in platform.get(f"/v1/sessions/{session}/records")["items"]] == [second]
    job = platform.get(f"/v1/trainings/{first}")
    assert (job["experiment"], job["request"]) == (experiment, None)
    answer = platform.post(f"/v1/sessions/{session}:commit", {}, prefer="wait=20")
    assert (answer["state"], len(answer["experiments"])) == ("committed", 2)
    assert platform.get(f"/v1/sessions/{session}")["experiments"] == answer["experiments"]
    again = platform.post(f"/v1/sessions/{session}:commit", {}, status=409)
    assert again["code"] == "session_closed"


def test_what_is_discarded_is_gone(platform: Platform, session: str) -> None:
    job = platform.train(session)["id"]
    running = platform.train(session, "random_forest", parameters={"n_estimators": 5_000}, wait=False)["id"]
    assert platform.cli("session", "discard", "--session", session).code == 2  # nobody is there to say yes
    assert platform.cli("session", "discard", "--session", session, "--yes").code == 0
    until(lambda: platform.get(f"/v1/sessions/{session}")["state"] == "discarded", 20, "a discarded session")
    assert platform.http.get(f"/v1/trainings/{job}").status_code == 410
    assert platform.http.get(f"/v1/sessions/{session}/records").status_code == 410
    assert platform.http.get(f"/v1/trainings/{running}").status_code == 410
    body = {"session": session, "dataset": "penguins", "algorithm": "svm", "target": "species"}
    assert platform.http.post("/v1/trainings", json=body).status_code in (409, 410)


def test_a_session_expires_unless_it_is_kept(platform: Platform) -> None:
    forgotten, kept = platform.session(expires_in=2), platform.session(expires_in=30)
    assert platform.cli("session", "keep", "--session", kept, "--for", "30d").code == 0
    until(lambda: platform.get(f"/v1/sessions/{forgotten}")["state"] == "expired", 30, "an expired session")
    assert platform.get(f"/v1/sessions/{kept}")["state"] == "open"


@pytest.fixture(scope="module")
def experiments(platform: Platform) -> list[str]:
    """Three committed experiments with a tag of their own."""
    session = platform.session(name="of the experiments")
    for algorithm in ("naive_bayes", "decision_tree", "logistic_regression"):
        platform.train(session, algorithm)
    answer = platform.post(f"/v1/sessions/{session}:commit", {"tags": ["three"]}, prefer="wait=20")
    return list(answer["experiments"])


def test_experiments_are_listed_filtered_sorted_and_paged(platform: Platform, experiments: list[str]) -> None:
    mine = "tags = 'three'"
    found = platform.get("/v1/experiments", filter=mine, sort="-measures.accuracy", limit=2)
    rest = platform.get("/v1/experiments", filter=mine, sort="-measures.accuracy", limit=2, cursor=found["next"])
    assert rest["next"] is None
    listed = [*found["items"], *rest["items"]]
    assert sorted(one["id"] for one in listed) == sorted(experiments)
    accuracies = [one["measures"]["accuracy"] for one in listed]
    assert accuracies == sorted(accuracies, reverse=True)
    some = platform.get("/v1/experiments", filter=f"{mine} and algorithm in ('naive_bayes', 'svm')")["items"]
    assert [one["algorithm"] for one in some] == ["naive_bayes"]
    refused = platform.get("/v1/experiments", 422, filter="measures.accuracy >")
    assert refused["code"] == "bad_filter"
    assert platform.get("/v1/experiments", 400, flter="x")["code"] == "unknown_parameter"


def test_experiments_are_compared_and_exported(platform: Platform, experiments: list[str]) -> None:
    compared = platform.get("/v1/experiments:compare", ids=",".join(experiments))
    assert compared["ids"] == experiments
    exported = platform.http.get("/v1/experiments:export", params={"format": "csv", "filter": "tags = 'three'"})
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert sorted(row["id"] for row in rows) == sorted(experiments)
    exported = platform.http.get("/v1/experiments:export", params={"format": "json", "filter": "tags = 'three'"})
    assert all(one in json.dumps(exported.json()) for one in experiments)


def test_annotations_need_the_version_that_was_read(platform: Platform, experiments: list[str]) -> None:
    platform.canaries |= {b"canary of an experiment's note"}
    path = f"/v1/experiments/{experiments[0]}"
    change = {"note": "canary of an experiment's note"}
    assert platform.http.patch(path, json=change).status_code == 428
    etag = platform.http.get(path).headers["etag"]
    changed = platform.http.patch(path, json=change, headers={"if-match": etag})
    assert changed.status_code == 200, changed.text
    assert changed.json()["note"] == change["note"]
    assert platform.http.patch(path, json={"note": "late"}, headers={"if-match": etag}).status_code == 412
    assert platform.cli("experiments", "tag", experiments[1], "best").code == 0
    assert "best" in platform.get(f"/v1/experiments/{experiments[1]}")["tags"]


def test_the_artifact_of_an_experiment(platform: Platform, experiments: list[str], tmp_path: Path) -> None:
    target = tmp_path / "model.skops"
    assert platform.cli("experiments", "artifact", experiments[0], "-o", str(target)).code == 0
    assert target.stat().st_size == platform.get(f"/v1/experiments/{experiments[0]}")["result"]["artifact"]["size"]


def test_a_repeated_commit_is_the_same_one(platform: Platform, session: str) -> None:
    platform.train(session)
    key = {"idempotency-key": "commit-once", "prefer": "wait=20"}
    first = platform.http.post(f"/v1/sessions/{session}:commit", json={}, headers=key)
    again = platform.http.post(f"/v1/sessions/{session}:commit", json={}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["experiments"] == first.json()["experiments"]
    assert again.headers["idempotency-replayed"] == "true"
