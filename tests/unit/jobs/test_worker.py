"""The task worker: every job once, its end written by whoever holds the lease, and nothing lost when things break."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from common import errors, times
from common.records.repository import Decision
from common.workers import loops
from tests.eventually import until

Jobs = Any


async def test_a_job_runs_to_its_result(jobs: Jobs) -> None:
    job = await jobs.submit(do="succeed", print="fitted", limits={"seconds": 7, "memory": 2**26})
    jobs.work()
    record = await jobs.reaches(job, "succeeded")
    assert await jobs.names(job) == ["queued", "started", "succeeded"]
    assert record.state["attempt"] == 1
    assert not {"lease", "progress", "output"} & set(record.envelope)
    assert set(record.state["blobs"]) == {"artifact", "output"}
    shown = await jobs.shown(job)
    assert shown["result"]["measures"] == {"test": {"f1": 0.9}}
    assert shown["result"]["usage"] == {"seconds": 0.5, "cpu_seconds": 0.25, "peak_memory": 1_000}
    assert shown["request"]["do"] == "succeed"
    (spec,) = jobs.tasks.started
    assert (spec.limits.wall_seconds, spec.limits.memory) == (7, 2**26)
    assert (spec.request["threads"], len(spec.key)) == (1, 32)
    key = await jobs.handlers.keys.get("ses_1")
    assert key.open(job, "summary", record.state["sealed"]["summary"]) == {"measures": {"f1": 0.9}}


async def test_a_large_result_lies_in_a_blob(jobs: Jobs) -> None:
    jobs.tasks.result = {**jobs.tasks.result, "curve": "x" * 100_000}
    job = await jobs.submit(do="succeed")
    jobs.work()
    assert "result" in (await jobs.reaches(job, "succeeded")).state["blobs"]
    assert len((await jobs.shown(job))["result"]["curve"]) == 100_000


@pytest.mark.parametrize("settings", [{"slots": 1}])
async def test_the_oldest_is_claimed_first(jobs: Jobs) -> None:
    created = [await jobs.submit(do="succeed") for _ in range(6)]
    jobs.work()
    for job in created:
        await jobs.reaches(job, "succeeded")
    records = [await jobs.record(job) for job in created]
    expected = sorted(records, key=lambda one: (one.state["created"], one.id))
    assert [one.id for one in jobs.tasks.started] == [one.id for one in expected]


@pytest.mark.parametrize("settings", [{"slots": 1}])
async def test_a_lost_one_does_not_wait_behind_all_others(jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.submit(do="succeed")
    lost = await jobs.submit(do="succeed")
    lease = {"holder": "gone", "until": times.later(times.now(), -1), "token": "t"}
    await jobs.handlers.jobs.decide(lost, lambda _: Decision("training.started", {"attempt": 1}, {"lease": lease}))
    jobs.work()
    await jobs.reaches(lost, "succeeded")
    assert jobs.tasks.started[0].id == lost


@pytest.mark.parametrize("settings", [{"slots": 2}])
async def test_no_more_run_than_there_are_slots(jobs: Jobs) -> None:
    created = [await jobs.submit(do="hold") for _ in range(4)]
    jobs.work()
    await until(lambda: len(jobs.tasks.running) == 2)
    assert [await jobs.state(job) for job in created].count("queued") == 2
    for job in created:
        jobs.tasks.let_go(job)
    for job in created:
        await jobs.reaches(job, "succeeded")


@pytest.mark.parametrize("settings", [{"slots": 8}])
async def test_two_workers_never_run_one_job_twice(jobs: Jobs) -> None:
    created = [await jobs.submit(do="succeed") for _ in range(12)]
    for _ in range(3):
        jobs.work(jobs.another_worker())
    for job in created:
        await jobs.reaches(job, "succeeded")
    assert sorted(one.id for one in jobs.tasks.started) == sorted(created)


async def test_a_deterministic_failure_is_not_tried_again(jobs: Jobs) -> None:
    job = await jobs.submit(do="fail", print="before the end")
    jobs.work()
    await jobs.reaches(job, "failed")
    assert await jobs.names(job) == ["queued", "started", "failed"]
    shown = await jobs.shown(job)
    assert shown["problem"] == {"code": "bad_data", "detail": "only one class is left"}
    assert (await jobs.http.get(f"/v1/trainings/{job}/output")).text == "before the end"


@pytest.mark.parametrize("settings", [{"attempts": 3}])
@pytest.mark.parametrize(("do", "code"), [("crash", "worker_killed"), ("refuse", "unavailable")])
async def test_what_is_not_its_fault_is_tried_three_times(jobs: Jobs, do: str, code: str) -> None:
    job = await jobs.submit(do=do)
    with structlog.testing.capture_logs():
        jobs.work()
        await jobs.reaches(job, "failed")
    assert await jobs.names(job) == ["queued", *["started", "attempt_failed"] * 2, "started", "failed"]
    assert jobs.tasks.attempts(job) == 3
    assert len({one.key for one in jobs.tasks.started}) == 3
    assert (await jobs.shown(job))["problem"]["code"] == code


async def test_a_mistake_of_the_program_fails_the_job_and_says_nothing_of_it(jobs: Jobs) -> None:
    job = await jobs.submit(do="break")
    with structlog.testing.capture_logs() as told:
        jobs.work()
        await jobs.reaches(job, "failed")
    problem = (await jobs.shown(job))["problem"]
    assert problem["code"] == "internal" and "secret" not in repr(problem)
    assert "attempt failed unexpectedly" in [one["event"] for one in told]


class TestCancelling:
    async def test_a_job_that_waits_is_cancelled_at_once(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="succeed")
        answer = await jobs.http.post(f"/v1/trainings/{job}:cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        jobs.work()
        other = await jobs.submit(do="succeed")
        await jobs.reaches(other, "succeeded")
        assert jobs.tasks.attempts(job) == 0

    async def test_a_job_that_runs_is_stopped(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        answer = await jobs.http.post(f"/v1/trainings/{job}:cancel")
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
        await jobs.reaches(job, "cancelled")
        assert await jobs.names(job) == ["queued", "started", "cancel_requested", "cancelled"]
        again = await jobs.http.post(f"/v1/trainings/{job}:cancel")
        assert (again.status_code, again.json()["state"]) == (200, "cancelled")

    async def test_a_result_that_comes_too_late_is_not_taken(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        await jobs.handlers.jobs.decide(job, lambda _: Decision("training.cancel_requested"))
        jobs.tasks.let_go(job)
        record = await jobs.reaches(job, "cancelled")
        assert "result" not in record.state["sealed"] and not record.state.get("blobs")

    async def test_a_bell_that_was_lost_is_made_up_for(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        await jobs.handlers.jobs.decide(job, lambda _: Decision("training.cancel_requested"))  # and nobody rings
        await jobs.reaches(job, "cancelled")
        assert job in jobs.tasks.stopped

    @pytest.mark.parametrize("settings", [{"sweep": 60.0}])
    async def test_its_bell_is_heard_also_after_listening_broke(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listen, tried = jobs.runtime.listen, asyncio.Event()

        def breaks(*asked: Any, **more: Any) -> Any:
            monkeypatch.setattr(jobs.runtime, "listen", listen)
            tried.set()
            raise errors.Unavailable("the bus is away")

        monkeypatch.setattr(loops, "_RESTART", 0.0)
        monkeypatch.setattr(jobs.runtime, "listen", breaks)
        job = await jobs.submit(do="hang")
        jobs.work()
        await tried.wait()
        await until(lambda: job in jobs.tasks.running)
        await jobs.handlers.cancel(job)
        await jobs.reaches(job, "cancelled")

    async def test_one_that_lost_its_worker_is_cancelled_by_the_next(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        lease = {"holder": "an earlier process", "until": times.later(times.now(), 60), "token": "t"}
        started = Decision("training.started", {"attempt": 1}, {"lease": lease})
        await jobs.handlers.jobs.decide(job, lambda _: started)
        await jobs.handlers.cancel(job)
        jobs.work()
        assert "lease" not in (await jobs.reaches(job, "cancelled")).envelope


class TestLeases:
    @pytest.mark.parametrize("settings", [{"heartbeat": 0.01, "lease": 60.0}])
    async def test_the_heartbeat_renews_it(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        first = (await jobs.record(job)).envelope["lease"]

        async def renewed() -> bool:
            return bool((await jobs.record(job)).envelope["lease"]["until"] > first["until"])

        await until(renewed)
        record = await jobs.record(job)
        assert record.envelope["lease"]["token"] == first["token"]
        assert record.version == 2
        jobs.tasks.let_go(job)
        await jobs.reaches(job, "succeeded")

    @pytest.mark.parametrize("settings", [{"heartbeat": 0.01}])
    async def test_who_lost_it_stops_and_writes_nothing(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        worker = jobs.work()
        await until(lambda: job in jobs.tasks.running)
        theirs = {"holder": jobs.runtime.instance, "until": times.later(times.now(), 60), "token": "of another"}
        await jobs.handlers.jobs.store.touch("trainings", job, envelope_set={"lease": theirs})
        with structlog.testing.capture_logs():
            await until(lambda: job not in jobs.tasks.running)
        record = await jobs.record(job)
        assert (record.version, record.state["state"], record.envelope["lease"]) == (2, "running", theirs)
        assert not worker.done()

    @pytest.mark.parametrize("do", ["hold", "fail"])
    async def test_the_end_of_a_stale_attempt_is_refused(self, jobs: Jobs, do: str) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        theirs = {"holder": jobs.runtime.instance, "until": times.later(times.now(), 60), "token": "of another"}
        await jobs.handlers.jobs.store.touch("trainings", job, envelope_set={"lease": theirs})
        with structlog.testing.capture_logs() as told:
            jobs.tasks.let_go(job)
            await until(lambda: told)
        assert [one["event"] for one in told] == ["stale attempt refused"]
        assert (await jobs.record(job)).version == 2

    async def test_one_that_has_run_out_is_taken_over(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="succeed")
        lease = {"holder": jobs.runtime.instance, "until": times.later(times.now(), -1), "token": "t"}
        started = Decision("training.started", {"attempt": 1}, {"lease": lease})
        await jobs.handlers.jobs.decide(job, lambda _: started)
        jobs.work()
        assert (await jobs.reaches(job, "succeeded")).state["attempt"] == 2
        assert await jobs.names(job) == ["queued", "started", "attempt_failed", "started", "succeeded"]

    async def test_one_of_this_process_that_has_not_run_out_is_left_alone(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="succeed")
        lease = {"holder": jobs.runtime.instance, "until": times.later(times.now(), 60), "token": "t"}
        started = Decision("training.started", {"attempt": 1}, {"lease": lease})
        await jobs.handlers.jobs.decide(job, lambda _: started)
        jobs.work()
        other = await jobs.submit(do="succeed")
        await jobs.reaches(other, "succeeded")
        assert await jobs.state(job) == "running"

    @pytest.mark.parametrize("settings", [{"attempts": 2}])
    async def test_after_the_last_attempt_the_job_has_failed(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="succeed")
        lease = {"holder": "gone", "until": times.now(), "token": "t"}
        started = Decision("training.started", {"attempt": 2}, {"lease": lease})
        await jobs.handlers.jobs.decide(job, lambda _: started)
        jobs.work()
        await jobs.reaches(job, "failed")
        assert (await jobs.shown(job))["problem"]["code"] == "worker_killed"
        assert jobs.tasks.attempts(job) == 0


class TestClock:
    @pytest.mark.parametrize("settings", [{"heartbeat": 0.01, "lease": 60.0}])
    @pytest.mark.parametrize("hours", [1, -1])
    async def test_a_clock_that_jumps_takes_no_running_job_away(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, hours: int
    ) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        told = times.now
        monkeypatch.setattr(times, "now", lambda: times.later(told(), 3_600 * hours))
        for _ in range(2):  # each looks at the leases of all that run
            await jobs.reaches(await jobs.submit(do="succeed"), "succeeded")
        jobs.tasks.let_go(job)
        await jobs.reaches(job, "succeeded")
        assert await jobs.names(job) == ["queued", "started", "succeeded"]
        logged = [entry.event for entry in await jobs.runtime.log.read(limit=1_000, topic="state")]
        written = [event["time"] for event in logged if event["subject"] == job]
        assert written == sorted(written)


class TestStopping:
    @pytest.mark.parametrize("settings", [{"attempts": 1}])
    async def test_what_does_not_end_in_time_goes_back_to_the_queue(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hang")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        await jobs.stop()
        record = await jobs.record(job)
        assert record.state["state"] == "queued" and "lease" not in record.envelope
        assert await jobs.names(job) == ["queued", "started", "requeued"]
        assert jobs.tasks.running == {}
        jobs.work()  # and no attempt is used up
        await until(lambda: job in jobs.tasks.running)
        assert (await jobs.record(job)).state["attempt"] == 2

    @pytest.mark.parametrize("settings", [{"drain": 20.0}])
    async def test_what_ends_in_time_is_kept(self, jobs: Jobs) -> None:
        job = await jobs.submit(do="hold")
        jobs.work()
        await until(lambda: job in jobs.tasks.running)
        stopping = asyncio.create_task(jobs.stop())
        await asyncio.wait({stopping}, timeout=0.05)
        assert not stopping.done()
        jobs.tasks.let_go(job)
        await stopping
        assert await jobs.state(job) == "succeeded"
        assert jobs.runtime.slots._value == jobs.runtime.settings.slots


class TestKeysThatAreGone:
    async def test_a_job_without_a_key_fails_and_the_next_one_runs(self, jobs: Jobs) -> None:
        lost, good = await jobs.submit("ses_2", do="succeed"), await jobs.submit("ses_1", do="succeed")
        del jobs.sessions.keys["ses_2"]
        jobs.handlers.keys.forget("ses_2")
        jobs.work()
        await jobs.reaches(good, "succeeded")
        record = await jobs.reaches(lost, "failed")
        assert "problem" not in record.state["sealed"]

    @pytest.mark.parametrize("settings", [{"attempts": 1, "slots": 1}])
    async def test_also_after_its_last_attempt(self, jobs: Jobs) -> None:
        lost = await jobs.submit("ses_2", do="succeed")
        lease = {"holder": "gone", "until": times.now(), "token": "t"}
        await jobs.handlers.jobs.decide(lost, lambda _: Decision("training.started", {"attempt": 1}, {"lease": lease}))
        del jobs.sessions.keys["ses_2"]
        jobs.handlers.keys.forget("ses_2")
        jobs.work()
        await jobs.reaches(lost, "failed")

    async def test_a_job_that_cannot_be_claimed_does_not_hold_up_the_others(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stuck, good = await jobs.submit("ses_2", do="succeed"), await jobs.submit("ses_1", do="succeed")
        get = jobs.handlers.keys.get

        async def away(owner: str) -> Any:
            if owner == "ses_2":
                raise errors.Unavailable("sessions are away")
            return await get(owner)

        monkeypatch.setattr(jobs.handlers.keys, "get", away)
        with structlog.testing.capture_logs() as told:
            jobs.work()
            await jobs.reaches(good, "succeeded")
        assert {one["job"] for one in told if one["event"] == "job not claimed"} == {stuck}
        monkeypatch.undo()
        await jobs.reaches(stuck, "succeeded")


class TestARecordStoreThatIsAway:
    async def test_a_result_waits_for_it_and_is_not_computed_again(
        self, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = await jobs.submit(do="succeed")
        append, refused = jobs.handlers.jobs.store.append, 0

        async def away(*args: Any, event: Mapping[str, Any], **more: Any) -> None:
            nonlocal refused
            if event["type"].startswith("autolearn.training.succeeded") and refused < 3:
                refused += 1
                raise errors.Unavailable("the record store is away")
            await append(*args, event=event, **more)

        monkeypatch.setattr(jobs.handlers.jobs.store, "append", away)
        with structlog.testing.capture_logs() as told:
            jobs.work()
            record = await jobs.reaches(job, "succeeded")
        assert (refused, record.state["attempt"]) == (3, 1)
        assert [one["event"] for one in told].count("result waits for the record store") == 3
