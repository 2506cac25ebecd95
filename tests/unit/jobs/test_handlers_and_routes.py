"""Submitting, looking, committing and removing, over REST as people and services do it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import structlog

from common import errors, times
from common.jobs import following, keys
from common.jobs.events import JobEvents
from common.jobs.handlers import Submission
from common.records import frames
from tests.eventually import until
from tests.factories import SERVICE_TOKEN

Jobs = Any
SERVICE = {"authorization": f"Bearer {SERVICE_TOKEN}"}


async def succeeded(jobs: Jobs, **request: Any) -> str:
    job: str = await jobs.submit(**{"do": "succeed", **request})
    if not jobs.workers:
        jobs.work()
    await jobs.reaches(job, "succeeded")
    return job


class TestSubmitting:
    async def test_what_is_confidential_is_sealed(self, jobs: Jobs) -> None:
        job = await jobs.submit(target="a secret column")
        record = await jobs.record(job)
        assert record.state["session"] == "ses_1" and jobs.sessions.reserved == {job: "ses_1"}
        assert "secret" not in repr(record)

    async def test_the_reservation_goes_when_the_job_cannot_be_written(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def full(*_: Any, **__: Any) -> None:
            raise errors.StorageFull()

        monkeypatch.setattr(jobs.handlers.jobs.store, "insert", full)
        with pytest.raises(errors.StorageFull):
            await jobs.submit()
        assert jobs.sessions.reserved == {} and len(jobs.sessions.released) == 1

    async def test_a_closed_or_unknown_session_takes_no_job(self, jobs: Jobs) -> None:
        jobs.sessions.closed.add("ses_1")
        with pytest.raises(errors.SessionClosed):
            await jobs.submit()
        with pytest.raises(errors.NotFound):
            await jobs.submit("ses_9")
        assert await jobs.handlers.jobs.page(limit=5) == []

    @pytest.mark.parametrize("settings", [{"queue_limit": 2}])
    async def test_too_many_that_wait_are_429(self, jobs: Jobs) -> None:
        for _ in range(2):
            await jobs.submit()
        with pytest.raises(errors.TooManyRequests) as refused:
            await jobs.submit()
        assert refused.value.retry_after

    async def test_the_same_key_twice_at_once_makes_one_job(self, jobs: Jobs) -> None:
        plain = {"dataset": "penguins@1", "dataset_id": "ds_1", "algorithm": "svm"}
        marks = jobs.handlers.fingerprints("k", {"a": 1})
        submission = Submission("ses_1", {"a": 1}, plain)
        made = await asyncio.gather(*(jobs.handlers.submit_once(submission, marks) for _ in range(5)))
        assert len({record.id for record, _ in made}) == 1
        assert sorted(replayed for _, replayed in made) == [False, True, True, True, True]
        assert list(jobs.sessions.reserved) == [made[0][0].id]
        assert len(jobs.sessions.released) == 4
        with pytest.raises(errors.KeyReused):
            await jobs.handlers.replayed(jobs.handlers.fingerprints("k", {"a": 2}))
        assert await jobs.handlers.replayed(jobs.handlers.fingerprints("other", {"a": 1})) is None
        assert await jobs.handlers.replayed(jobs.handlers.fingerprints(None, {"a": 1})) is None


class TestLooking:
    async def test_lists_are_without_what_is_confidential(self, jobs: Jobs) -> None:
        created = [await jobs.submit(target="secret") for _ in range(3)]
        answer = await jobs.http.get("/v1/trainings", params={"limit": 2, "sort": "created", "filter": "state=queued"})
        page = answer.json()
        rest = (
            await jobs.http.get(
                "/v1/trainings",
                params={"limit": 2, "sort": "created", "filter": "state=queued", "cursor": page["next"]},
            )
        ).json()
        assert sorted(one["id"] for one in page["items"] + rest["items"]) == sorted(created)
        assert rest["next"] is None
        assert "secret" not in answer.text

    async def test_one_is_found_by_its_ending_and_tells_how_many_are_ahead(self, jobs: Jobs) -> None:
        await jobs.submit()
        created = (await jobs.record(await jobs.submit())).state["created"]
        await until(lambda: times.now() > created)
        last = await jobs.submit()
        shown = await jobs.shown(last[-10:])
        assert (shown["id"], shown["ahead"], shown["state"]) == (last, 2, "queued")

    async def test_who_waits_gets_the_job_when_it_has_ended(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        waiting = asyncio.create_task(jobs.http.get(f"/v1/trainings/{job}", headers={"prefer": "wait=20"}))
        await until(lambda: job in jobs.tasks.running)
        assert not waiting.done()
        jobs.tasks.let_go(job)
        assert (await waiting).json()["state"] == "succeeded"

    async def test_internal_routes_show_the_record_as_it_is(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="succeed")
        raw = (await jobs.http.get(f"/internal/jobs/{job}", headers=SERVICE)).json()
        record = await jobs.record(job)
        assert raw == {"id": job, "version": 1, "state": record.state}
        asked = {"ids": [job, "trn_0"]}
        states = (await jobs.http.post("/internal/jobs:states", json=asked, headers=SERVICE)).json()
        assert states == {"states": {job: "queued", "trn_0": None}}
        using = (await jobs.http.post("/internal/datasets/ds_1:referrers", headers=SERVICE)).json()
        assert using == {"referrers": [job], "count": 1}
        assert (await jobs.http.get(f"/internal/jobs/{job}")).status_code == 401
        load = (await jobs.http.get("/internal/jobs:load", headers=SERVICE)).json()
        assert load == {"open": 1, "waiting": 1}


class TestFollowing:
    async def test_the_output_of_a_running_job_is_read_and_followed_to_its_end(self, jobs: Jobs) -> None:
        text = "x" * 20_000 + "the end"
        job = await jobs.submit(do="hold", print=text)
        jobs.work()
        await until(lambda: job in jobs.tasks.running)

        async def tail() -> str:
            return str((await jobs.http.get(f"/v1/trainings/{job}/output")).text)

        kept = await until(tail)
        assert kept.startswith("[3623 bytes before are not kept]\n") and kept.endswith("the end")
        assert (await jobs.shown(job))["progress"]["step"] == "fitting"
        stream = asyncio.create_task(jobs.http.get(f"/v1/trainings/{job}/output", params={"follow": "true"}))
        jobs.tasks.let_go(job)
        assert (await stream).text.endswith("the end")
        assert await tail() == text

    @pytest.mark.parametrize("settings", [{"attempts": 2}])
    async def test_a_second_attempt_is_followed_from_its_beginning(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang", print="printed")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        stream = asyncio.create_task(jobs.http.get(f"/v1/trainings/{job}/output", params={"follow": "true"}))

        async def told() -> bool:
            return "output" in (await jobs.record(job)).envelope and job in jobs.runtime.notifier._waiting

        await until(told)
        await until(lambda: jobs.tasks.cancel(job))  # not asked for: the job's attempt just ends
        await until(lambda: jobs.tasks.attempts(job) == 2)
        await until(told)
        await jobs.tasks.cancel(job)
        await jobs.reaches(job, "failed")
        assert (await asyncio.wait_for(stream, 10)).text == "printed" * 2

    async def test_the_stream_of_events_ends_with_the_state(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hold", print="printed")
        stream = asyncio.create_task(jobs.http.get(f"/v1/trainings/{job}/progress"))
        await until(lambda: job in jobs.runtime.notifier._waiting)
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        jobs.tasks.let_go(job)
        text = (await asyncio.wait_for(stream, 10)).text
        kinds = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("event:")]
        assert kinds[0] == kinds[-1] == "state" and "output" in kinds
        assert '"state":"queued"' in text.replace(" ", "") and '"state":"succeeded"' in text.replace(" ", "")

    async def test_a_stream_outlives_a_record_store_that_is_away(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(following, "_POLL", 0.01)
        job = await jobs.submit(do="succeed")
        stream = asyncio.create_task(jobs.http.get(f"/v1/trainings/{job}/progress"))
        await until(lambda: job in jobs.runtime.notifier._waiting)

        async def away(*_: Any) -> Any:
            raise errors.Unavailable("the record store is away")

        monkeypatch.setattr(jobs.handlers.jobs, "get", away)
        with structlog.testing.capture_logs() as told:
            await until(lambda: [one for one in told if one["event"] == "stream waits"])
        monkeypatch.undo()
        jobs.work()
        assert '"succeeded"' in (await asyncio.wait_for(stream, 10)).text

    @pytest.mark.parametrize("path", ["progress", "output?follow=true", "output", ""])
    async def test_what_is_gone_or_unknown_is_a_problem_and_no_broken_stream(self, jobs: Jobs, path: str) -> None:
        job = await succeeded(jobs)
        await jobs.handlers.remove(job, "dropped")
        gone = await jobs.http.get(f"/v1/trainings/{job}/{path}".rstrip("/"))
        assert (gone.status_code, gone.json()["code"]) == (410, "gone")
        unknown = await jobs.http.get(f"/v1/trainings/trn_0/{path}".rstrip("/"))
        assert unknown.status_code == 404


class TestArtifacts:
    async def test_the_download_is_what_the_task_wrote(self, jobs: Jobs) -> None:
        content = os.urandom(3 * frames.FRAME // 2)
        jobs.tasks.content = content
        jobs.tasks.result["artifact"]["digest"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        job = await succeeded(jobs)
        answer = await jobs.http.get(f"/v1/trainings/{job}/artifact")
        assert answer.content == content
        assert answer.headers["content-disposition"] == f'attachment; filename="{job}.skops"'
        assert answer.headers["repr-digest"].startswith("sha-256=:")

    @pytest.mark.parametrize("place", [0, 10, 40, -1])
    async def test_one_that_was_tampered_with_is_refused(self, jobs: Jobs, tmp_path: Path, place: int) -> None:
        job = await succeeded(jobs)
        name = (await jobs.record(job)).state["blobs"]["artifact"]
        raw = bytearray(await jobs.runtime.blobs.get_bytes(name, 10_000))
        raw[place] ^= 1
        await jobs.runtime.blobs.delete(name)
        await jobs.runtime.blobs.put_bytes(name, bytes(raw))
        answer = await jobs.http.get(f"/v1/trainings/{job}/artifact")
        assert (answer.status_code, answer.json()["code"]) == (500, "integrity")

    async def test_there_is_none_before_the_end_and_after_committing(self, jobs: Jobs) -> None:
        waiting = await jobs.submit(do="hang")
        answer = await jobs.http.get(f"/v1/trainings/{waiting}/artifact")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
        job = await succeeded(jobs)
        asked = {"experiments": {job: "exp_1"}}
        for _ in range(2):
            committed = await jobs.http.post("/internal/jobs:commit", json=asked, headers=SERVICE)
            assert committed.status_code == 204
        assert (await jobs.record(job)).version == 4
        answer = await jobs.http.get(f"/v1/trainings/{job}/artifact")
        assert answer.status_code == 410 and "exp_1" in answer.json()["detail"]
        assert (await jobs.shown(job))["experiment"] == "exp_1"


class TestEnds:
    async def test_removing_leaves_nothing_confidential_and_is_repeatable(self, jobs: Jobs) -> None:
        job = await succeeded(jobs, print="secret")
        asked = {"ids": [job], "reason": "dropped"}
        for _ in range(2):
            removed = await jobs.http.post("/internal/jobs:remove", json=asked, headers=SERVICE)
            assert removed.status_code == 204
        record = await jobs.record(job)
        assert (record.version, record.state["sealed"], record.state["blobs"]) == (4, {}, {})
        (listed,) = (await jobs.http.get("/v1/trainings")).json()["items"]
        assert (listed["id"], listed["state"], listed["removed"]) == (job, "succeeded", "dropped")
        assert (await jobs.http.post("/internal/datasets/ds_1:referrers", headers=SERVICE)).json()["count"] == 0

    async def test_neither_a_live_job_nor_a_committed_one_can_be_removed(self, jobs: Jobs) -> None:
        live, kept = await jobs.submit(do="hang"), await jobs.submit(do="succeed")
        with pytest.raises(errors.Conflict, match="cancel it first"):
            await jobs.handlers.remove(live, "dropped")
        jobs.work()
        await jobs.reaches(kept, "succeeded")
        await jobs.handlers.commit(kept, "exp_1")
        with pytest.raises(errors.Conflict, match="exp_1"):
            await jobs.handlers.remove(kept, "dropped")

    async def test_of_several_all_are_removed_but_those_that_must_stay(self, jobs: Jobs) -> None:
        live, gone = await jobs.submit(do="hang"), await jobs.submit(do="hang")
        await jobs.handlers.cancel(gone)
        asked = {"ids": [live, gone], "reason": "expired"}
        answer = await jobs.http.post("/internal/jobs:remove", json=asked, headers=SERVICE)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert [(await jobs.record(one)).state.get("removed") for one in (live, gone)] == [None, "expired"]

    async def test_what_a_committed_session_left_behind_still_says_how_it_ended(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        await jobs.handlers.cancel(job)
        await jobs.handlers.remove(job, "committed")
        shown = await jobs.shown(job)
        assert (shown["state"], shown["request"], shown["experiment"]) == ("cancelled", None, None)
        assert (await jobs.http.get(f"/v1/trainings/{job}/output")).content == b""

    async def test_states_are_fetched_together_and_a_missing_job_is_not_found(self, jobs: Jobs) -> None:
        some = [await jobs.submit(do="hang") for _ in range(3)]
        answer = await jobs.http.post("/internal/jobs:fetch", json={"ids": some}, headers=SERVICE)
        assert answer.json()["jobs"] == {job: (await jobs.record(job)).state for job in some}
        asked = {"ids": [*some, "trn_0"]}
        assert (await jobs.http.post("/internal/jobs:fetch", json=asked, headers=SERVICE)).status_code == 404
        asked = {"ids": ["trn_0"] * 201}
        assert (await jobs.http.post("/internal/jobs:fetch", json=asked, headers=SERVICE)).status_code == 422


class TestSweeping:
    @pytest.mark.parametrize("settings", [{"blob_grace": 0.001}])
    async def test_only_old_blobs_that_no_record_names_go(self, jobs: Jobs) -> None:
        job = await succeeded(jobs, print="x")
        named = set((await jobs.record(job)).state["blobs"].values())
        unnamed = {f"training/{job}/9/artifact", "training/trn_0/1/output"}
        others = {"evaluation/evl_1/1/output"}
        for name in unnamed | others:
            written = (await jobs.runtime.blobs.put_bytes(name, b"x")).modified
        await until(lambda: times.later(times.now(), -0.002) > written)
        assert await JobEvents(jobs.handlers).sweep_blobs() == 2
        assert {one.name async for one in jobs.runtime.blobs.list()} == named | others

    async def test_young_ones_stay(self, jobs: Jobs) -> None:
        await jobs.runtime.blobs.put_bytes("training/trn_0/1/output", b"x")
        assert await JobEvents(jobs.handlers).sweep_blobs() == 0


class TestKeys:
    async def test_a_key_is_asked_for_once_and_gone_when_it_is_destroyed(self, jobs: Jobs) -> None:
        known = jobs.handlers.keys
        for _ in range(3):
            await known.get("ses_1")
        assert jobs.sessions.key_requests == 1
        del jobs.sessions.keys["ses_1"]
        await jobs.runtime.ring("key.destroyed", owner="ses_1")
        await until(lambda: not known._known)
        with pytest.raises(errors.Gone):
            await known.get("ses_1")

    async def test_it_is_remembered_for_seconds_only(self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keys, "_REMEMBERED", 0.0)
        await jobs.handlers.keys.get("ses_1")
        del jobs.sessions.keys["ses_1"]
        with pytest.raises(errors.Gone):
            await jobs.handlers.keys.get("ses_1")
        assert not jobs.handlers.keys._known

    async def test_no_more_are_kept_than_a_bound(self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keys, "_AT_MOST", 1)
        await jobs.handlers.keys.get("ses_1")
        await jobs.handlers.keys.get("ses_2")
        assert list(jobs.handlers.keys._known) == ["ses_2"]

    async def test_a_job_of_a_session_whose_key_is_gone_answers_410(self, jobs: Jobs) -> None:
        job = await jobs.submit()
        del jobs.sessions.keys["ses_1"]
        jobs.handlers.keys.forget("ses_1")
        for path in ("", "/progress", "/output"):
            assert (await jobs.http.get(f"/v1/trainings/{job}{path}")).status_code == 410
