"""From opening a session to its experiments in permanent storage."""

from __future__ import annotations

from typing import Any

Stage = Any


async def test_a_whole_commit_stores_every_training_with_its_evaluations_and_ends_the_session(stage: Stage) -> None:
    session = await stage.open(name="birds", note="secret")
    good = await stage.trained(session, f1=0.95)
    bad = await stage.trained(session, f1=0.5)
    evaluation = await stage.evaluated(session, good, f1=0.8)
    answer = await stage.commit(session, tags=["best"])
    assert answer.status_code == 200, answer.text
    committed = answer.json()
    assert committed["state"] == "committed"
    assert committed["records"] == 0
    listed = (await stage.experiments.get("/v1/experiments", params={"sort": "-measures.f1"})).json()["items"]
    assert [one["training"] for one in listed] == [good, bad]
    assert sorted(committed["experiments"]) == sorted(one["id"] for one in listed)
    assert listed[0]["tags"] == ["best"]
    shown = (await stage.experiments.get(f"/v1/experiments/{listed[0]['id'][-8:]}")).json()
    assert shown["request"]["target"] == "species"
    assert shown["result"]["measures"] == {"f1": 0.95}
    assert [(one["id"], one["result"]["measures"]["f1"]) for one in shown["evaluations"]] == [(evaluation, 0.8)]
    for jobs, job in ((stage.trainings, good), (stage.evaluations, evaluation)):
        state = await jobs.state(job)
        assert state["experiment"] == listed[0]["id"]
        assert state["sealed"] == {}
