"""From opening a session to its experiments in permanent storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from common import errors, ids
from common.records.event import canonical
from session_service import model
from session_service.clients import Storage
from tests.jobs_for_tests import ARTIFACT

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


async def test_a_partial_commit_leaves_the_session_open(stage: Stage) -> None:
    session = await stage.open()
    leaving, staying = await stage.trained(session), await stage.trained(session)
    answer = await stage.commit(session, records=[leaving[-8:]])
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["records"]) == ("open", 1)
    assert [one["job"] for one in await stage.records(session)] == [staying]
    last = await stage.trained(session)
    whole = (await stage.commit(session)).json()
    assert len(whole["experiments"]) == 3
    listed = (await stage.experiments.get("/v1/experiments")).json()["items"]
    assert {one["training"] for one in listed} == {leaving, staying, last}


async def test_open_jobs_make_the_session_busy_but_ended_ones_do_not(stage: Stage) -> None:
    session = await stage.open()
    job = (await stage.trainings.submit(session)).id
    answer = await stage.commit(session)
    assert (answer.status_code, answer.json()["code"]) == (409, "session_busy")
    await stage.trainings.succeed(job, ring=False)
    assert (await stage.commit(session)).json()["state"] == "committed"


async def test_without_anything_that_succeeded_there_is_nothing_to_commit(stage: Stage) -> None:
    session = await stage.open()
    answer = await stage.commit(session)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "nothing_to_commit")
    assert (await stage.show(session))["state"] == "open"


async def test_everything_that_is_wrong_with_chosen_records_is_said_at_once(stage: Stage) -> None:
    session = await stage.open()
    training = await stage.trained(session)
    evaluation = await stage.evaluated(session, training)
    answer = await stage.commit(session, records=["trn_unknown", training, evaluation])
    assert answer.status_code == 422
    found = [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]]
    assert found == [("/records/0", "not_found"), ("/records/2", "not_a_training")]


async def test_a_repeated_commit_with_its_key_answers_the_session_as_it_is(stage: Stage) -> None:
    session = await stage.open()
    await stage.trained(session)
    headers = {"idempotency-key": "c1", "prefer": "wait=8"}
    path = f"/v1/sessions/{session}:commit"
    first = await stage.sessions.post(path, json={}, headers=headers)
    again = await stage.sessions.post(path, json={}, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await stage.sessions.post(path, json={"tags": ["x"]}, headers=headers)
    assert other.json()["code"] == "key_reused"
    without = await stage.sessions.post(path, json={}, headers={"prefer": "wait=8"})
    assert without.json()["code"] == "session_closed"


async def test_without_waiting_the_answer_is_accepted_and_the_commit_goes_on(stage: Stage) -> None:
    session = await stage.open()
    await stage.trained(session)
    answer = await stage.sessions.post(f"/v1/sessions/{session}:commit", json={})
    assert answer.status_code in (200, 202)
    async with asyncio.timeout(5), stage.runtime.notifier.listening(session) as changed:
        while (await stage.show(session))["state"] == "committing":
            await changed.wait()
            changed.clear()
    assert (await stage.show(session))["state"] == "committed"


async def test_large_results_and_artifacts_come_through(stage: Stage) -> None:
    session = await stage.open()
    training = await stage.trained(session, large=True)
    for _ in range(2):
        await stage.evaluated(session, training, large=True)
    answer = await stage.commit(session)
    [experiment] = answer.json()["experiments"]
    shown = (await stage.experiments.get(f"/v1/experiments/{experiment}")).json()
    assert len(shown["result"]["padding"]) == 100_000
    assert [len(one["result"]["padding"]) for one in shown["evaluations"]] == [100_000] * 2
    artifact = await stage.experiments.get(f"/v1/experiments/{experiment}/artifact")
    assert artifact.content == ARTIFACT
    assert artifact.headers["content-type"] == "application/octet-stream"
    assert artifact.headers["content-disposition"] == f'attachment; filename="{experiment}.skops"'


async def test_failed_jobs_of_a_committed_session_keep_nothing_confidential(stage: Stage) -> None:
    session = await stage.open()
    await stage.trained(session)
    failed = (await stage.trainings.submit(session)).id
    await stage.trainings.fail(failed)
    await stage.idle(session)
    assert (await stage.commit(session)).json()["state"] == "committed"
    assert (await stage.trainings.state(failed))["sealed"] == {}


async def test_a_commit_that_cannot_be_stored_is_given_up_and_can_be_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await stage.open()
    await stage.trained(session)
    await stage.trained(session)
    real, calls = Storage.store, 0

    async def failing(self: Storage, commit: str, experiments: Any) -> None:
        nonlocal calls
        calls += 1
        await real(self, commit, dict(list(experiments.items())[:1]))
        if calls == 1:
            raise errors.IntegrityError("damaged")
        await real(self, commit, experiments)

    monkeypatch.setattr(Storage, "store", failing)
    answer = await stage.commit(session)
    assert (answer.status_code, answer.json()["code"]) == (500, "integrity")
    shown = await stage.show(session)
    assert (shown["state"], shown["problem"]["code"], shown["records"]) == ("open", "integrity", 2)
    assert (await stage.experiments.get("/v1/experiments")).json()["items"] == []
    assert (await stage.commit(session)).status_code == 200
    assert len((await stage.experiments.get("/v1/experiments")).json()["items"]) == 2


async def test_a_commit_that_was_interrupted_goes_on_where_it_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await stage.open()
    jobs = [await stage.trained(session) for _ in range(3)]
    real: Any = Storage.store
    given: list[set[str]] = []

    async def faltering(self: Storage, commit: str, experiments: Mapping[str, Any]) -> None:
        given.append(set(experiments))
        if len(given) > 1:
            return await real(self, commit, experiments)
        first = next(iter(experiments))
        await real(self, commit, {first: experiments[first]})
        raise errors.Unavailable("storage is away")

    monkeypatch.setattr(Storage, "store", faltering)
    assert (await stage.commit(session)).json()["state"] == "committed"
    assert [len(some) for some in given] == [3, 2] and given[1] < given[0]
    listed = (await stage.experiments.get("/v1/experiments")).json()["items"]
    assert sorted(one["training"] for one in listed) == sorted(jobs)


async def test_what_is_stored_without_its_summary_is_stored_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await stage.open()
    await stage.trained(session)
    store = stage.runtime.store
    real, tries = store.put_view, 0

    async def failing(*told: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:  # a call is tried so often
            raise errors.Unavailable("full")
        await real(*told)

    monkeypatch.setattr(store, "put_view", failing)
    assert (await stage.commit(session)).json()["state"] == "committed"
    assert len((await stage.experiments.get("/v1/experiments")).json()["items"]) == 1


async def test_all_trainings_but_one_may_be_chosen(stage: Stage) -> None:
    session = await stage.open()
    staying, *leaving = [await stage.trained(session) for _ in range(4)]
    answer = await stage.commit(session, records=leaving)
    assert (answer.json()["state"], len(answer.json()["experiments"])) == ("open", 3)
    assert [one["job"] for one in await stage.records(session)] == [staying]
    assert (await stage.commit(session, records=[staying])).json()["state"] == "open"
    listed = (await stage.experiments.get("/v1/experiments")).json()["items"]
    assert {one["training"] for one in listed} == {staying, *leaving}


@pytest.mark.parametrize("size", [0, 1, 5_000, 5_001, 9_999, 10_000])
def test_which_trainings_are_committed_fits_into_an_event(size: int) -> None:
    trainings = [ids.new_id("trn") for _ in range(10_000)]
    told = model.chosen_of(trainings[:size], trainings)
    assert len(canonical(told)) < 250_000
    chosen = model.choice({"records": told})
    assert [job for job in trainings if chosen(job)] == trainings[:size]


async def test_what_a_failed_commit_left_behind_goes_with_its_session(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await stage.open()
    await stage.trained(session)

    async def refusing(self: Storage, commit: str) -> None:
        raise errors.Conflict("no")

    monkeypatch.setattr(Storage, "seal", refusing)
    assert (await stage.commit(session)).status_code == 409
    [row] = await stage.runtime.store.find("experiment_summaries", limit=10)
    await stage.sessions.post(f"/v1/sessions/{session}:discard", headers={"prefer": "wait=5"})
    async with asyncio.timeout(5):
        while await stage.runtime.store.get("experiment_summaries", row.id):
            await asyncio.sleep(0)
    client = stage.runtime.client("session", caller="storage")
    with pytest.raises(errors.Gone):
        await client.call("GET", f"/internal/keys/{row.id}")
