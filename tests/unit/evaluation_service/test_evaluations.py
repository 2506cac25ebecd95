"""Evaluations: only of a training that has a model, within its session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from evaluation_service import bootstrap
from tests.fake_services import FakeCatalogue, FakeSessions
from tests.fake_tasks import FakeTaskRunner
from tests.jobs_for_tests import TestJobs
from tests.runtimes import http, light_runtime, running


@pytest.fixture
async def trainings(tmp_path: Path) -> AsyncIterator[TestJobs]:
    async with light_runtime(tmp_path, drain=0.05) as runtime:
        runtime.tasks = FakeTaskRunner(tmp_path)
        FakeSessions(runtime)
        FakeCatalogue(runtime)
        found = TestJobs(runtime, "training")
        found.evaluations = bootstrap.build(runtime)  # type: ignore[attr-defined]
        async with running(runtime, [found.service, found.evaluations]):  # type: ignore[attr-defined]
            yield found


@pytest.fixture
async def client(trainings: TestJobs) -> AsyncIterator[httpx.AsyncClient]:
    async with http(trainings.evaluations) as opened:  # type: ignore[attr-defined]
        yield opened


async def refused(client: httpx.AsyncClient, training: str, status: int, code: str) -> httpx.Response:
    answer = await client.post("/v1/evaluations", json={"training": training})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer


async def test_everything_wrong_is_told_at_once(client: httpx.AsyncClient) -> None:
    asked = {
        "training": "trn_0",
        "dataset": "nowhere",
        "measures": ["acuracy"],
        "cross_validation": {"folds": 1, "method": "grouped"},
        "permutation_importance": {"measure": "luck"},
        "confidence": {"level": 2},
    }
    answer = await client.post("/v1/evaluations", json=asked)
    assert answer.status_code == 422
    assert {(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]} == {
        ("/training", "not_found"),
        ("/dataset", "not_found"),
        ("/dataset", "conflict"),  # folds are of the training's own rows
        ("/measures/0", "unknown_measure"),
        ("/cross_validation/folds", "greater_than_equal"),
        ("/cross_validation/column", "conflict"),
        ("/permutation_importance", "conflict"),
        ("/permutation_importance/measure", "unknown_measure"),
        ("/confidence", "conflict"),
        ("/confidence/level", "less_than"),
    }


async def test_an_unknown_training_is_422_at_its_place(client: httpx.AsyncClient) -> None:
    answer = await refused(client, "trn_0", 422, "invalid")
    assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [("/training", "not_found")]


async def test_a_training_without_a_model_is_409(trainings: TestJobs, client: httpx.AsyncClient) -> None:
    job = (await trainings.submit("ses_1")).id
    await refused(client, job, 409, "not_ready")
    await trainings.fail(job)
    await refused(client, job, 409, "not_ready")


async def test_a_removed_training_is_410_and_a_committed_one_409(
    trainings: TestJobs, client: httpx.AsyncClient
) -> None:
    for act, status, code in (
        (lambda job: trainings.handlers.remove(job, "dropped"), 410, "gone"),
        (lambda job: trainings.handlers.commit(job, "exp_1"), 409, "conflict"),
    ):
        job = (await trainings.submit("ses_1")).id
        await trainings.succeed(job)
        await act(job)
        await refused(client, job, status, code)


async def test_the_loops_of_the_service_stop_when_told(trainings: TestJobs) -> None:
    (loop,) = trainings.evaluations.task_loops.values()  # type: ignore[attr-defined]
    running_loop = asyncio.ensure_future(loop())
    await asyncio.wait({running_loop}, timeout=0.01)
    assert not running_loop.done()
    running_loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(running_loop, 5)
