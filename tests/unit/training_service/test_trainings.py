"""From the request for a training to its job: everything that is wrong at once, and no double."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.eventually import until
from tests.unit.training_service.conftest import World

ASKED = {"session": "ses_1", "dataset": "penguins", "algorithm": "svm", "target": "species"}


async def test_a_training_is_completed_accepted_and_run(world: World) -> None:
    accepted = await world.http.post("/v1/trainings", json=ASKED)
    job = accepted.json()
    assert accepted.status_code == 202
    assert accepted.headers["location"] == f"/v1/trainings/{job['id']}"
    assert (job["state"], job["dataset"], job["request"]["task"]) == ("queued", "penguins@1", "classification")
    assert job["task_reason"]
    async with world.working():
        ended = await world.http.get(f"/v1/trainings/{job['id']}", headers={"prefer": "wait=20"})
    assert ended.json()["state"] == "succeeded"
    (spec,) = world.tasks.started
    assert spec.function == "training_service.tasks.train:run"
    assert list(spec.inputs) == ["dataset"] and list(spec.sealed_outputs) == ["artifact"]


async def test_everything_wrong_is_told_at_once_and_nothing_happens(world: World) -> None:
    asked = {**ASKED, "session": "ses_9", "algorithm": "svn", "target": "specie", "split": {"test_share": 2}}
    answer = await world.http.post("/v1/trainings", json=asked)
    flaws = {flaw["pointer"]: flaw for flaw in answer.json()["errors"]}
    assert answer.status_code == 422
    assert {"/session", "/algorithm", "/target", "/split/test_share"} <= set(flaws)
    assert "svm" in flaws["/algorithm"]["suggestions"] and flaws["/target"]["suggestions"] == ["species"]
    assert world.sessions.reserved == {}


WRONG_VALUES = {
    "/algorithm": ({"algorithm": "svn"}, "unknown_algorithm"),
    "/split/test_share": ({"split": {"test_share": 2}}, "range"),
    "/measures/0": ({"measures": ["acuracy"]}, "unknown_measure"),
    "/task": ({"task": "guessing"}, "unknown_task"),
}
WRONG_REFERENCES = {
    "/session": ({"session": "ses_9"}, "not_found"),
    "/dataset": ({"dataset": "pinguins"}, "not_found"),
}
WRONG_FORMS = {
    "/colour": ({"colour": "red"}, "unknown_field"),
    "/limits/seconds": ({"limits": {"seconds": "ten"}}, "float_type"),
    "/limits/bytes": ({"limits": {"seconds": "ten", "bytes": 1}}, "unknown_field"),
    "/features": ({"features": 3}, "list_type"),
}


@pytest.mark.parametrize("known", [WRONG_REFERENCES, {}])
async def test_wrong_forms_references_and_values_do_not_hide_each_other(world: World, known: dict[str, Any]) -> None:
    wrong = WRONG_VALUES | known | WRONG_FORMS
    asked = dict(ASKED)
    for change, _ in wrong.values():
        asked |= change
    answer = await world.http.post("/v1/trainings", json=asked)
    flaws = {flaw["pointer"]: flaw["code"] for flaw in answer.json()["errors"]}
    assert answer.status_code == 422
    assert flaws == {pointer: code for pointer, (_, code) in wrong.items()}
    assert str(len(wrong)) in answer.json()["detail"]


async def test_of_very_many_the_first_are_listed_and_all_are_counted(world: World) -> None:
    asked = ASKED | {f"unknown_{number}": 1 for number in range(1_000)}
    answer = (await world.http.post("/v1/trainings", json=asked)).json()
    assert answer["detail"] == "1000 things in the request are wrong; the first 100 are listed"
    assert len(answer["errors"]) == 100


async def test_what_is_missing_hides_nothing_either(world: World) -> None:
    answer = await world.http.post("/v1/trainings", json={"target": "specie", "split": {"seed": -1}, "parameters": []})
    flaws = {flaw["pointer"]: flaw["code"] for flaw in answer.json()["errors"]}
    assert flaws == {
        "/session": "missing",
        "/dataset": "missing",
        "/algorithm": "missing",
        "/split/seed": "range",
        "/parameters": "dict_type",
    }


@pytest.mark.parametrize(
    ("change", "pointer"), [({"session": "ses_9"}, "/session"), ({"dataset": "pinguins"}, "/dataset")]
)
async def test_an_unknown_reference_in_the_body_is_422_at_its_place(
    world: World, change: dict[str, str], pointer: str
) -> None:
    answer = await world.http.post("/v1/trainings", json=ASKED | change)
    assert answer.status_code == 422
    assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [(pointer, "not_found")]


async def test_a_closed_session_is_409(world: World) -> None:
    world.sessions.closed.add("ses_1")
    answer = await world.http.post("/v1/trainings", json=ASKED)
    assert (answer.status_code, answer.json()["code"]) == (409, "session_closed")


async def test_a_session_service_that_is_away_is_503(world: World) -> None:
    world.sessions.away = True
    answer = await world.http.post("/v1/trainings", json=ASKED)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_the_same_key_and_body_is_the_same_job(world: World) -> None:
    key = {"idempotency-key": "k"}
    both = await asyncio.gather(*(world.http.post("/v1/trainings", json=ASKED, headers=key) for _ in range(2)))
    assert {answer.status_code for answer in both} == {202}
    assert len({answer.json()["id"] for answer in both}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in both) == ["", "true"]
    await until(lambda: len(world.sessions.reserved) == 1)
    again = await world.http.post("/v1/trainings", json=ASKED, headers=key)
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (both[0].json()["id"], "true")
    other = await world.http.post("/v1/trainings", json={**ASKED, "split": {"seed": 1}}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert len(world.sessions.reserved) == 1


async def test_an_estimator_by_name_is_checked_before_it_is_accepted(world: World) -> None:
    name, rate = "sklearn.ensemble.AdaBoostClassifier", {"type": "number", "exclusiveMinimum": 0.0}
    schema = {"classification": {"type": "object", "properties": {"learning_rate": {**rate, "default": 1.0}}}}
    world.catalogue.estimators = {
        name: {"name": name, "title": "AdaBoost", "tasks": ["classification"], "description": "", "parameters": schema}
    }
    asked = {**ASKED, "algorithm": name, "parameters": {"learning_rate": 0, "n_jobs": 4, "rate": 1}}
    wrong = (await world.http.post("/v1/trainings", json=asked)).json()["errors"]
    assert [flaw["pointer"] for flaw in wrong] == [
        "/parameters/n_jobs",
        "/parameters/rate",
        "/parameters/learning_rate",
    ]
    assert wrong[2]["detail"] == "learning_rate must be a number > 0; 0 is not"
    other = {**ASKED, "algorithm": name, "target": "mass"}
    (flaw,) = (await world.http.post("/v1/trainings", json=other)).json()["errors"]
    assert (flaw["pointer"], flaw["code"]) == ("/algorithm", "algorithm_task")
    (flaw,) = (await world.http.post("/v1/trainings", json={**ASKED, "algorithm": f"{name}s"})).json()["errors"]
    assert (flaw["pointer"], flaw["suggestions"]) == ("/algorithm", [name])
    assert flaw["detail"] == f"there is no estimator '{name}s'"
    accepted = await world.http.post("/v1/trainings", json={**asked, "parameters": {"learning_rate": 0.5}})
    assert accepted.status_code == 202
    assert accepted.json()["request"]["parameters"] == {"learning_rate": 0.5}
