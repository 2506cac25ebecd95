"""Every role in its own process over real engines: the main job, fair work, and what dies on the way."""

from __future__ import annotations

import hashlib

import pytest

from tests.clusters import ClusterPlatform
from tests.platforms import ALGORITHMS
from tests.waiting import until

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]
FOREST = {"dataset": "mammography", "target": "column_7", "parameters": {"n_estimators": 60}}


def test_the_main_job(cluster: ClusterPlatform) -> None:
    note = "canary of a note in a cluster"
    cluster.canaries.add(note.encode())
    session = cluster.session(note=note)
    trained = [cluster.train(session, algorithm, wait=False)["id"] for algorithm in ALGORITHMS]
    assert {cluster.ended(one)["state"] for one in trained} == {"succeeded"}
    evaluated = cluster.evaluate(trained[0])
    measured = cluster.job(trained[0])["result"]["measures"]["test"]
    assert evaluated["result"]["measures"]["accuracy"] == measured["accuracy"]
    committed = cluster.post(f"/v1/sessions/{session}:commit", {"tags": ["kept"]}, prefer="wait=20")
    assert committed["state"] == "committed"
    experiments = cluster.get("/v1/experiments", filter="tags = kept", sort="-measures.f1")["items"]
    assert sorted(one["training"] for one in experiments) == sorted(trained)
    experiment = cluster.get(f"/v1/experiments/{experiments[0]['id']}")
    artifact = cluster.http.get(f"/v1/experiments/{experiment['id']}/artifact").content
    assert f"sha256:{hashlib.sha256(artifact).hexdigest()}" == experiment["result"]["artifact"]["digest"]
    trace = cluster.get(f"/v1/log/traces/{trained[0]}")["items"]
    assert {"catalog", "training", "session", "storage"} <= {one["event"]["source"] for one in trace}
    assert cluster.get("/v1/log:verify")["ok"]
    rebuilt = cluster.post("/v1/log:rebuild", {"into": "again"}, prefer="wait=30")
    assert (rebuilt["state"], rebuilt["ok"]) == ("done", True)


def test_two_task_workers_share_the_queue(cluster: ClusterPlatform) -> None:
    session = cluster.session()
    long = {**FOREST, "parameters": {"n_estimators": 10_000}}
    jobs = [cluster.train(session, "random_forest", wait=False, **long)["id"] for _ in range(3)]

    def states() -> list[str]:
        return sorted(cluster.job(one)["state"] for one in jobs)

    # Each of the two has one slot: two jobs at once are one for each of them, and the third waits.
    until(lambda: states() == ["queued", "running", "running"], 30, "both workers at work")
    for one in jobs:
        cluster.post(f"/v1/trainings/{one}:cancel", status=None)
    assert {cluster.ended(one)["state"] for one in jobs} == {"cancelled"}


@pytest.mark.parametrize(
    "victim",
    [
        "training-task-0", "training-rest-0", "training-event-0", "evaluation-task-0", "session-rest-0",
        "session-event-0", "storage-rest-0", "catalog-rest-0", "gateway-rest-0", "gateway-event-0",
    ],
)  # fmt: skip
def test_a_killed_process_costs_time_and_nothing_else(cluster: ClusterPlatform, victim: str) -> None:
    session = cluster.session()
    long = cluster.train(session, "random_forest", wait=False, **FOREST)["id"]
    short = [cluster.train(session, algorithm, wait=False)["id"] for algorithm in ("naive_bayes", "decision_tree")]
    until(lambda: cluster.job(long)["state"] == "running", 20, "a running job")
    cluster.murder(victim)
    assert {cluster.ended(one, 60)["state"] for one in (long, *short)} == {"succeeded"}
    committed = cluster.post(f"/v1/sessions/{session}:commit", prefer="wait=20")
    assert (committed["state"], len(committed["experiments"])) == ("committed", 3)
    until(lambda: cluster.http.get("/readyz").status_code == 200, 20, "readiness")
    assert cluster.get("/v1/log:verify")["ok"]
