"""What a session holds: arriving, being listed, compared and dropped."""

from __future__ import annotations

from typing import Any

Stage = Any


async def test_only_succeeded_jobs_leave_a_record(stage: Stage) -> None:
    session = await stage.open()
    good = await stage.trained(session)
    failed = (await stage.trainings.submit(session)).id
    await stage.trainings.fail(failed)
    assert (await stage.idle(session))["records"] == 1
    [record] = await stage.records(session)
    assert (record["job"], record["kind"], record["state"]) == (good, "training", "succeeded")
    assert record["summary"]["measures"] == {"f1": 0.9}


async def test_a_lost_bell_is_made_up_for(stage: Stage) -> None:
    session = await stage.open()
    job = (await stage.trainings.submit(session)).id
    await stage.trainings.succeed(job, ring=False)
    assert (await stage.idle(session))["records"] == 1


async def test_a_bell_heard_twice_makes_no_second_record(stage: Stage) -> None:
    session = await stage.open()
    job = await stage.trained(session)
    await stage.runtime.ring("training.finished", job=job)
    await stage.trained(session)  # its bell comes behind the doubled one
    assert (await stage.show(session))["records"] == 2


async def test_a_reservation_that_never_became_a_job_is_released(stage: Stage) -> None:
    session = await stage.open()
    client = stage.runtime.client("session", caller="training")
    body = {"job": "trn_0123456789ab", "kind": "training"}
    await client.call("POST", f"/internal/sessions/{session}:reserve", body=body)
    assert (await stage.idle(session))["open_jobs"] == []


async def test_an_evaluation_may_be_quicker_than_the_bell_of_its_training(stage: Stage) -> None:
    session = await stage.open()
    training = (await stage.trainings.submit(session)).id
    await stage.trainings.succeed(training, ring=False)
    await stage.evaluated(session, training)
    assert {one["kind"] for one in await stage.records(session)} == {"training", "evaluation"}


async def test_records_are_filtered_and_sorted_by_what_was_sealed(stage: Stage) -> None:
    session = await stage.open()
    jobs = [await stage.trained(session, f1=f1) for f1 in (0.5, 0.9, 0.7)]
    best = await stage.records(session, sort="-measures.f1")
    assert [one["job"] for one in best] == [jobs[1], jobs[2], jobs[0]]
    some = await stage.records(session, filter="measures.f1 >= 0.7 and target = species", sort="measures.f1")
    assert [one["job"] for one in some] == [jobs[2], jobs[1]]


async def test_records_page_without_repeats_or_gaps_and_missing_values_come_last(stage: Stage) -> None:
    session = await stage.open()
    trainings = [await stage.trained(session, f1=0.5) for _ in range(3)]
    await stage.evaluated(session, trainings[0])
    seen: list[str] = []
    for sort in ("-seconds", "seconds"):
        seen, query = [], {"limit": 1, "sort": sort}
        while True:
            page = (await stage.sessions.get(f"/v1/sessions/{session}/records", params=query)).json()
            seen += [one["job"] for one in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert sorted(seen[:3]) == sorted(trainings)  # the evaluation has no seconds
        assert len(set(seen)) == len(seen) == 4


async def test_compare_puts_the_records_side_by_side(stage: Stage) -> None:
    session = await stage.open()
    jobs = [await stage.trained(session, f1=f1) for f1 in (0.5, 0.9)]
    found = (await stage.sessions.get(f"/v1/sessions/{session}:compare")).json()
    assert found["ids"] == jobs
    rows = {row["field"]: row for row in found["rows"]}
    assert rows["measures.f1"] == {"field": "measures.f1", "values": [0.5, 0.9], "differs": True, "direction": "higher"}
    assert rows["parameters.C"] == {"field": "parameters.C", "values": [1.0, 1.0], "differs": False}


async def test_dropping_a_training_takes_its_evaluations_along(stage: Stage) -> None:
    session = await stage.open()
    gone, kept = await stage.trained(session), await stage.trained(session)
    evaluation = await stage.evaluated(session, gone)
    path = f"/v1/sessions/{session}/records/{gone[-8:]}"
    assert (await stage.sessions.delete(path)).status_code == 204
    assert [one["job"] for one in await stage.records(session)] == [kept]
    assert (await stage.show(session))["open_jobs"] == []
    assert (await stage.trainings.state(gone))["removed"] == "dropped"
    assert (await stage.evaluations.state(evaluation))["removed"] == "dropped"
    assert (await stage.sessions.delete(path)).status_code == 204


async def test_dropping_what_is_not_there_is_not_found(stage: Stage) -> None:
    session = await stage.open()
    assert (await stage.sessions.delete(f"/v1/sessions/{session}/records/trn_123456")).status_code == 404
