"""From the request for a search to its end: trials are trainings, each submitted once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from common import errors
from common.jobs.catalogue import Catalogue
from common.ports.record_store import RecordStore
from tests.eventually import until
from tests.fake_services import FakeCatalogue, FakeSessions
from tests.runtimes import light_runtime, running
from tests.unit.training_service.conftest import PENGUINS, ScoringTaskRunner, World
from training_service import bootstrap, model, repository
from training_service.clients import Sessions
from training_service.conduct import Conduct
from training_service.handlers import TrainingHandlers
from training_service.searches import SearchHandlers
from training_service.workers import task

WAIT = {"prefer": "wait=20"}


def grid(*candidates: Any, **more: Any) -> dict[str, Any]:
    space = {"algorithm": "svm", "parameters": {"C": list(candidates)}}
    told = {"session": "ses_1", "dataset": "penguins", "target": "species", "method": "grid"}
    return {**told, "algorithms": [space], **more}


async def begun(world: World, **asked: Any) -> dict[str, Any]:
    answer = await world.http.post("/v1/searches", json=asked)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/searches/{found['id']}"
    return found


async def ended(world: World, search: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await world.http.get(f"/v1/searches/{search['id']}", headers=WAIT)).json()
    return found


async def trials(world: World, search: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = await world.http.get(f"/v1/searches/{search['id']}/trials", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_every_trial_is_a_training_of_the_session_and_the_best_is_told(world: World) -> None:
    search = await begun(world, **grid(5, 9, 13, 2, 7, 8))
    assert (search["state"], search["trials"]["planned"], search["by"]) == ("queued", 6, "balanced_accuracy")
    async with world.working():
        over = await ended(world, search)
    assert over["state"] == "succeeded"
    tally = {name: over["trials"][name] for name in ("planned", "ended", "succeeded", "failed")}
    assert tally == {"planned": 6, "ended": 6, "succeeded": 5, "failed": 1}
    found = await trials(world, search)
    assert [(one["rank"], one["parameters"]["C"]) for one in found] == [
        *enumerate((9, 8, 7, 5, 2), 1),
        (None, 13),
    ]
    assert found[-1]["problem"] == "only one class is left"
    assert over["best"]["training"] == found[0]["id"] and over["best"]["value"] == 0.09
    listed = (await world.http.get("/v1/trainings", params={"filter": f"search = {search['id']}"})).json()["items"]
    assert {one["id"] for one in listed} == {one["id"] for one in found}
    assert {one["session"] for one in listed} == {"ses_1"} and len(world.tasks.started) == 6
    assert len(await trials(world, search, filter="value > 0.06", sort="-value")) == 3


async def test_less_can_be_better(world: World) -> None:
    search = await begun(world, **grid(5, 2, 7, by="log_loss"))
    async with world.working():
        over = await ended(world, search)
    assert (over["direction"], over["best"]["value"]) == ("lower", 2)


async def test_the_best_third_of_each_rung_goes_on_to_more_rows(world: World) -> None:
    halving = {"factor": 3, "least_rows": 20}
    search = await begun(world, **grid(1, 13, 5, 9, 2, 8, 3, 7, 4, halving=halving))
    assert search["trials"]["planned"] == 13
    async with world.working():
        over = await ended(world, search)
    assert [(one["rows"], one["trials"]) for one in over["rungs"]] == [(28, 9), (86, 3), (None, 1)]
    found = await trials(world, search)
    assert [one["parameters"]["C"] for one in found if one["rung"] == 1] == [9, 8, 7]
    assert (found[0]["rung"], found[0]["rows"], found[0]["id"]) == (2, None, over["best"]["training"])
    rows = [spec.request["split"].get("train_rows") for spec in world.tasks.started]
    assert sorted(rows, key=lambda count: count or 1000) == [28] * 9 + [86] * 3 + [None]


async def test_a_search_without_a_good_trial_fails_and_says_why(world: World) -> None:
    search = await begun(world, **grid(13, halving={"least_rows": 20}))
    async with world.working():
        over = await ended(world, search)
    assert over["state"] == "failed" and over["best"] is None
    assert over["problem"]["detail"] == "none of its 1 trials succeeded; the first says: only one class is left"


async def test_only_a_few_trials_wait_at_a_time(world: World) -> None:
    search = await begun(world, **grid(*range(1, 20)))
    window = 4

    async def full() -> bool:
        return len(await trials(world, search)) >= window

    await until(full)
    assert len(await trials(world, search)) == window
    assert len(world.sessions.reserved) == window + 1  # the search itself too
    assert world.tasks.started == []


async def test_everything_wrong_is_told_at_once_and_nothing_happens(world: World) -> None:
    asked = grid(1, 0, "x", session="ses_9", target="specie", by="f2", surprise=1)
    answer = await world.http.post("/v1/searches", json=asked)
    flaws = {flaw["pointer"] for flaw in answer.json()["errors"]}
    assert answer.status_code == 422
    assert flaws == {"/surprise", "/session", "/target", "/by", "/algorithms/0/parameters/C/1",
                     "/algorithms/0/parameters/C/2"}  # fmt: skip
    for body in ({}, grid(method="all"), grid(1, dataset="pinguins"), {**grid(1), "algorithms": [{"parameters": {}}]}):
        assert (await world.http.post("/v1/searches", json=body)).status_code == 422
    assert world.sessions.reserved == {}


async def test_a_closed_session_is_409(world: World) -> None:
    world.sessions.closed.add("ses_1")
    answer = await world.http.post("/v1/searches", json=grid(1))
    assert (answer.status_code, answer.json()["code"]) == (409, "session_closed")


async def test_the_same_key_and_body_is_the_same_search(world: World) -> None:
    key = {"idempotency-key": "k"}
    both = await asyncio.gather(*(world.http.post("/v1/searches", json=grid(1), headers=key) for _ in range(2)))
    assert len({answer.json()["id"] for answer in both}) == 1
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in both) == ["", "true"]
    other = await world.http.post("/v1/searches", json=grid(2), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize("running_first", [False, True])
async def test_cancelling_cancels_what_is_open_and_leaves_what_has_ended(world: World, running_first: bool) -> None:
    world.tasks.do = "hold"
    search = await begun(world, **grid(1, 2, 3, 4, 5, 6))
    path = f"/v1/searches/{search['id']}"
    async with world.working():
        await until(lambda: len(world.tasks.running) == 2)
        if running_first:
            world.tasks.let_go(world.tasks.started[0].id)
            await until(lambda: len(world.tasks.started) == 3)
        answer = await world.http.post(f"{path}:cancel")
        assert answer.status_code in (200, 202)
        over = await ended(world, search)
    assert over["state"] == "cancelled"
    states = [one["state"] for one in await trials(world, search)]
    assert sorted(set(states)) == (["cancelled", "succeeded"] if running_first else ["cancelled"])
    assert len(states) < 6
    assert world.tasks.running == {}
    again = await world.http.post(f"{path}:cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")


async def test_a_budget_of_seconds_cancels_what_is_late(world: World) -> None:
    world.tasks.do = "hang"
    search = await begun(world, **grid(1, 2, 3, budget={"seconds": 0.3}))
    async with world.working():
        over = await ended(world, search)
    assert (over["state"], over["stopped"], over["trials"]["cancelled"]) == ("failed", "budget_seconds", 3)


async def test_a_budget_of_trials_leaves_out_the_rest(world: World) -> None:
    search = await begun(world, **grid(1, 2, 3, budget={"trials": 2}))
    async with world.working():
        over = await ended(world, search)
    assert (over["state"], over["trials"]["ended"], over["trials"]["left_out"]) == ("succeeded", 2, 1)


async def test_a_trial_that_is_refused_ends_the_search(world: World) -> None:
    search = await begun(world, **grid(*range(1, 9)))
    await until(lambda: len(world.sessions.reserved) == 5)
    world.sessions.closed.add("ses_1")
    async with world.working():
        over = await ended(world, search)
    assert (over["state"], over["stopped"], over["problem"]["code"]) == ("failed", "refused", "session_closed")
    assert over["best"] is not None  # what had been tried by then


async def test_a_destroyed_key_ends_the_search_without_a_word(world: World) -> None:
    search = await begun(world, **grid(*range(1, 9)))
    await until(lambda: len(world.sessions.reserved) == 5)
    del world.sessions.keys["ses_1"]
    await world.runtime.ring("key.destroyed", owner="ses_1")

    async def state() -> bool:
        found = (await world.http.get("/v1/searches")).json()["items"][0]
        return found["id"] == search["id"] and found["state"] == "failed"

    await until(state)


async def test_its_stream_tells_states_progress_and_who_leads(world: World) -> None:
    search = await begun(world, **grid(5, 9))
    async with world.working():
        stream = await world.http.get(f"/v1/searches/{search['id']}/progress")
    events = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    assert {"state", "progress", "best"} == set(events)
    assert events[-1] == "state" and '"state": "succeeded"' in stream.text
    assert (await world.http.get("/v1/searches/srch_unknown/progress")).status_code == 404


async def test_a_dataset_is_held_while_a_search_needs_it(world: World) -> None:
    search = await begun(world, **grid(1))
    headers = {"authorization": f"Bearer {world.runtime.service_token}"}
    answer = await world.http.post("/internal/datasets/ds_1:referrers", headers=headers)
    assert search["id"] in answer.json()["referrers"]
    async with world.working():
        await ended(world, search)
    answer = await world.http.post("/internal/datasets/ds_1:referrers", headers=headers)
    assert search["id"] not in answer.json()["referrers"]


class Killed(BaseException):
    """The process is gone."""


class MortalStore:
    """A record store at whose n-th write the task of the test dies, before or after it is done."""

    def __init__(self, inner: RecordStore) -> None:
        self._inner = inner
        self.left, self.after = -1, False
        self.victim: Any = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return self._dying(method) if name in ("insert", "append") else method

    def _dying(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **told: Any) -> Any:
            if asyncio.current_task() is not self.victim:
                return await method(*args, **told)
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            done = await method(*args, **told)
            if self.left == 0:
                raise Killed
            return done

        return call


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[tuple[Any, MortalStore]]:
    """A new process manager at every call, over a store that can die."""
    async with light_runtime(tmp_path, slots=2, search_window=2) as runtime:
        store = MortalStore(runtime.store)
        runtime.store = cast(RecordStore, store)
        runtime.tasks = ScoringTaskRunner(tmp_path)
        FakeSessions(runtime)
        FakeCatalogue(runtime, penguins=PENGUINS, ds_1=PENGUINS)
        service = bootstrap.build(runtime)
        for name in ("penguins", "ds_1"):
            await runtime.blobs.put_bytes(f"catalog/{name}/1.parquet", b"a table")
        own = {
            "catalogue": Catalogue(runtime.client("catalog", caller="training")),
            "sessions": Sessions(runtime.client("session", caller="training")),
        }
        records = repository.searches(runtime)
        trainings = TrainingHandlers(runtime, searches=records, **own)
        searches = SearchHandlers(runtime, searches=records, trainings=trainings, **own)
        async with running(runtime, [service], loops=False):
            yield (runtime, searches, trainings), store


async def test_dying_at_any_write_a_search_ends_with_each_trial_once(mortal: Any) -> None:
    (runtime, searches, trainings), store = mortal
    worker = asyncio.ensure_future(task.worker(trainings).run())
    halving = {"factor": 2, "least_rows": 20}
    body = grid(3, 1, halving=halving)
    transport = httpx.ASGITransport(app=runtime.services._apps["training"])
    deaths = 0
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://training") as http:
            for point in (1, 2, 3, 4, 5, 7):
                for store.after in (False, True):
                    store.victim = None
                    search = (await http.post("/v1/searches", json=body)).json()["id"]
                    manager = Conduct(searches, trainings)
                    store.left, store.victim = point, asyncio.current_task()
                    async with asyncio.timeout(10), runtime.notifier.listening(search) as changed:
                        while (state := (await searches.jobs.get(search)).state)["state"] != "succeeded":
                            try:
                                await manager.proceed(search)
                                if (await searches.jobs.get(search)).state["state"] != "succeeded":
                                    await changed.wait()
                            except Killed:
                                deaths += 1
                                manager, store.left = Conduct(searches, trainings), -1
                            changed.clear()
                    assert [rung["outcomes"] for rung in state["rungs"]] == ["ss", "s"]
                    made = await repository.trials(trainings.jobs, search)
                    expected = {model.trial_id(search, *place) for place in ((0, 0), (0, 1), (1, 0))}
                    assert {one.id for one in made} == expected and state["best"] == model.trial_id(search, 1, 0)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert deaths > 8


async def test_two_managers_at_once_do_nothing_twice(world: World) -> None:
    handlers = world.service.app.state  # type: ignore[attr-defined]
    search = await begun(world, **grid(4, 3, 2, 1))
    other = Conduct(handlers.searches, handlers.jobs)

    async def meddle() -> None:
        while True:
            try:
                await other.proceed(search["id"])
            except errors.AutoLearnError:  # both were at the same write: the next look says what is so
                continue
            finally:
                await asyncio.sleep(0.002)

    meddling = asyncio.ensure_future(meddle())
    async with world.working():
        over = await ended(world, search)
    meddling.cancel()
    await asyncio.gather(meddling, return_exceptions=True)
    assert (over["state"], over["trials"]["succeeded"], over["best"]["value"]) == ("succeeded", 4, 0.04)
    assert len(world.tasks.started) == 4
