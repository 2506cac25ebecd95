"""Finding, comparing, exporting and annotating what was committed."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from common import errors
from common.records import verification
from common.records.sealing import DataKey
from session_service.repository import KEYS
from storage_service.exports import cell
from storage_service.repository import SUMMARIES

Stage = Any


async def _committed(stage: Stage, *scores: float, tags: tuple[str, ...] = ()) -> list[str]:
    """Experiments with these F1 scores, by their ids in that order."""
    session = await stage.open()
    trainings = [await stage.trained(session, f1=score) for score in scores]
    answer = await stage.commit(session, tags=list(tags))
    assert answer.status_code == 200, answer.text
    listed = (await stage.experiments.get("/v1/experiments", params={"filter": f"session = {session}"})).json()["items"]
    of = {one["training"]: one["id"] for one in listed}
    return [of[training] for training in trainings]


async def _ids(stage: Stage, **query: Any) -> list[str]:
    answer = await stage.experiments.get("/v1/experiments", params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_experiments_are_filtered_and_sorted_by_their_measures(stage: Stage) -> None:
    low, high, middle = await _committed(stage, 0.2, 0.9, 0.5, tags=("a",))
    assert await _ids(stage, sort="-measures.f1") == [high, middle, low]
    assert await _ids(stage, filter="measures.f1 >= 0.5 and tags = a", sort="measures.f1") == [middle, high]
    assert await _ids(stage, filter="tags = b") == []
    bad = await stage.experiments.get("/v1/experiments", params={"filter": "measure.f1 > 1"})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_filter")


async def test_the_list_pages(stage: Stage) -> None:
    made = await _committed(stage, 0.1, 0.2, 0.3)
    first = (await stage.experiments.get("/v1/experiments", params={"limit": 2, "sort": "measures.f1"})).json()
    query = {"limit": 2, "sort": "measures.f1", "cursor": first["next"]}
    rest = (await stage.experiments.get("/v1/experiments", params=query)).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == made
    assert rest["next"] is None


async def test_compare_keeps_the_order_that_was_asked_for(stage: Stage) -> None:
    low, high = await _committed(stage, 0.2, 0.9)
    answer = await stage.experiments.get("/v1/experiments:compare", params={"ids": f"{high},{low[-8:]}"})
    found = answer.json()
    assert found["ids"] == [high, low]
    rows = {row["field"]: row for row in found["rows"]}
    assert (rows["measures.f1"]["values"], rows["measures.f1"]["differs"]) == ([0.9, 0.2], True)
    assert not rows["parameters.C"]["differs"]
    none = await stage.experiments.get("/v1/experiments:compare", params={"ids": ","})
    assert none.status_code == 422


async def test_annotating_needs_the_current_etag(stage: Stage) -> None:
    [experiment] = await _committed(stage, 0.5)
    path = f"/v1/experiments/{experiment}"
    before = await stage.experiments.get(path)
    assert before.headers["etag"] == before.json()["etag"]
    assert (await stage.experiments.patch(path, json={"note": "x"})).status_code == 428
    match = {"if-match": before.headers["etag"]}
    changed = await stage.experiments.patch(path, json={"note": "x", "tags": ["b", "b"]}, headers=match)
    assert (changed.status_code, changed.json()["note"], changed.json()["tags"]) == (200, "x", ["b"])
    assert (await stage.experiments.patch(path, json={"note": "y"}, headers=match)).status_code == 412
    now = {"if-match": changed.headers["etag"]}
    again = await stage.experiments.patch(path, json={"note": None}, headers=now)
    assert (again.json()["note"], again.json()["tags"]) == (None, ["b"])
    assert await _ids(stage, filter="tags = b") == [experiment]
    [listed] = (await stage.experiments.get("/v1/experiments")).json()["items"]
    assert listed["etag"] == again.json()["etag"]


async def test_exports_hold_everything_that_fits(stage: Stage) -> None:
    low, high = await _committed(stage, 0.2, 0.9)
    whole = await stage.experiments.get("/v1/experiments:export", params={"sort": "measures.f1"})
    assert [(one["id"], one["request"]["target"]) for one in whole.json()] == [(low, "species"), (high, "species")]
    table = await stage.experiments.get(
        "/v1/experiments:export", params={"format": "csv", "filter": "measures.f1 > 0.5"}
    )
    [row] = csv.DictReader(io.StringIO(table.text))
    assert (row["id"], row["measures.f1"], row["target"]) == (high, "0.9", "species")
    nothing = await stage.experiments.get("/v1/experiments:export", params={"filter": "target = none"})
    assert nothing.json() == []


@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-a", "'-a"), ("plain", "plain"), (-0.5, -0.5), (["=a", "b"], "'=a b")],
)
def test_no_cell_is_taken_for_a_formula(value: Any, written: Any) -> None:
    assert cell(value) == written


async def test_an_experiment_whose_key_is_destroyed_is_gone_and_unknown_to_searches(stage: Stage) -> None:
    erased, kept = await _committed(stage, 0.5, 0.6)
    keys = stage.session.app.state.events.commitment.keys
    await keys.destroy(erased)
    await stage.storage.app.state.events.key_destroyed(erased)
    assert await _ids(stage) == [kept]
    assert (await stage.experiments.get(f"/v1/experiments/{erased}")).status_code == 410
    exported = (await stage.experiments.get("/v1/experiments:export")).json()
    assert [one["id"] for one in exported] == [kept]
    for service in (stage.session, stage.storage):
        found = await verification.verify(service.repositories, stage.runtime.log, service.name)
        assert found.documents() == []


async def test_summaries_are_filled_again_where_keys_exist(stage: Stage) -> None:
    erased, kept = await _committed(stage, 0.5, 0.6)
    keys = stage.session.app.state.events.commitment.keys
    await keys.destroy(erased)
    await stage.storage.app.state.events.key_destroyed(erased)
    await stage.runtime.store.delete("experiment_summaries", kept)
    assert await _ids(stage) == []
    await stage.storage.ready()
    assert await _ids(stage) == [kept]


async def test_summaries_are_in_clear_in_one_place_only(stage: Stage, tmp_path: Any) -> None:
    await _committed(stage, 0.8125, tags=("very-secret-tag",))
    await stage.runtime.relay.ship()
    await stage.runtime.journal.flush()
    holding = {
        path.name
        for path in tmp_path.rglob("*")
        if path.is_file() and (b"very-secret-tag" in path.read_bytes() or b"0.8125" in path.read_bytes())
    }
    assert {name.removesuffix("-wal") for name in holding} == {"records.db"}
    for name in ("experiments", "session_records", "sessions", "trainings"):
        for record in await stage.runtime.store.find(name, limit=10):
            assert "very-secret-tag" not in str(record)


async def test_the_datasets_of_experiments_are_referred_to(stage: Stage) -> None:
    made = await _committed(stage, 0.5, 0.6)
    client = stage.runtime.client("storage", caller="catalog")
    found = await client.call("POST", "/internal/datasets/ds_1:referrers")
    assert (sorted(found["referrers"]), found["count"]) == (sorted(made), 2)
    assert await client.call("POST", "/internal/datasets/ds_2:referrers") == {"referrers": [], "count": 0}


async def test_a_commit_with_a_missing_experiment_is_not_sealed(stage: Stage) -> None:
    client = stage.runtime.client("storage", caller="session")
    body = {"session": "ses_1", "expected": 1, "committed": "2026-01-01T00:00:00.000Z"}
    await client.call("POST", "/internal/commits/com_1:open", body=body)
    with pytest.raises(errors.Conflict):
        await client.call("POST", "/internal/commits/com_1:seal")


async def test_a_sealed_commit_takes_nothing_more(stage: Stage) -> None:
    [experiment] = await _committed(stage, 0.5)
    record = await stage.runtime.store.get("experiments", experiment)
    client = stage.runtime.client("storage", caller="session")
    key = DataKey.generate("exp_new")
    body = {name: value for name, value in record.state.items() if name not in ("state", "commit")}
    body["key"] = (await stage.runtime.client("session", caller="x").call("POST", "/internal/keys/exp_new"))["key"]
    with pytest.raises(errors.Conflict):
        await client.call(
            "POST", f"/internal/commits/{record.state['commit']}:store", body={"experiments": {"exp_new": body}}
        )
    assert key.owner not in await _ids(stage)


async def test_blobs_that_no_experiment_names_are_swept_after_a_day(stage: Stage) -> None:
    session = await stage.open()
    training = await stage.trained(session)
    for _ in range(2):
        await stage.evaluated(session, training, large=True)
    await stage.commit(session)
    blobs = stage.runtime.blobs
    await blobs.put_bytes("storage/exp_gone/com_1/evaluations", b"x")
    events = stage.storage.app.state.events
    assert await events.sweep_blobs(grace=86_400) == 0
    assert await events.sweep_blobs(grace=-1) == 1
    assert await blobs.stat("storage/exp_gone/com_1/evaluations") is None


async def test_a_store_rebuilt_from_the_log_holds_the_same_and_can_be_searched(stage: Stage) -> None:
    [experiment] = await _committed(stage, 0.5)
    for service in (stage.session, stage.storage):
        client = stage.runtime.client(service.name, caller="gateway")
        found = await client.call("POST", "/internal/records:rebuild", body={"into": "again"}, timeout=30)
        assert found["ok"], found["flaws"]
        assert found["digest"] == found["stored_digest"]
    async with stage.runtime.rebuilt_store("again") as store:
        await store.ensure(KEYS, SUMMARIES)
        row = await store.get("experiment_summaries", experiment)
        assert row.state["measures"] == {"f1": 0.5}
        assert "wrapped" in (await store.get("keys", f"key_{experiment}")).envelope
