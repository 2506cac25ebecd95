"""A blob store that is away costs a job time: no attempt, no result, and not the way to cancel it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common import errors
from common.jobs import outages
from tests.eventually import until

Jobs = Any


class Outage:
    """Puts off the blob store, or what a job is prepared with, until it is over."""

    def __init__(self) -> None:
        self.over = False
        self.met = 0

    def of(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            if not self.over:
                self.met += 1
                raise errors.Unavailable("the blob store is away")
            return call(*args, **kwargs)

        return called


@pytest.fixture
def outage() -> Outage:
    return Outage()


async def test_a_result_waits_until_it_can_be_written(
    jobs: Jobs, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.runtime.blobs, "put_file", outage.of(jobs.runtime.blobs.put_file))
    job = await jobs.submit(do="succeed", print="fitted")
    jobs.work()
    await until(lambda: outage.met > 2)
    assert await jobs.state(job) == "running"
    outage.over = True
    assert (await jobs.reaches(job, "succeeded")).state["attempt"] == 1
    assert await jobs.names(job) == ["queued", "started", "succeeded"]
    assert len(jobs.tasks.started) == 1


async def test_a_job_waits_for_what_it_is_prepared_with(jobs: Jobs, outage: Outage) -> None:
    jobs.worker._prepare = outage.of(jobs.worker._prepare)
    job = await jobs.submit(do="succeed")
    jobs.work()
    await until(lambda: outage.met > 2)
    assert not jobs.tasks.started
    outage.over = True
    assert (await jobs.reaches(job, "succeeded")).state["attempt"] == 1


async def test_a_job_that_waits_can_be_cancelled(jobs: Jobs, outage: Outage) -> None:
    jobs.worker._prepare = outage.of(jobs.worker._prepare)
    job = await jobs.submit(do="succeed")
    jobs.work()
    await until(lambda: outage.met > 0)
    assert (await jobs.http.post(f"/v1/trainings/{job}:cancel")).is_success
    await jobs.reaches(job, "cancelled")
    assert not jobs.tasks.started


async def test_it_does_not_wait_for_ever(jobs: Jobs, outage: Outage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_LONGEST", 0.0)
    jobs.worker._prepare = outage.of(jobs.worker._prepare)
    job = await jobs.submit(do="succeed")
    jobs.work()
    record = await jobs.reaches(job, "failed")
    assert record.state["attempt"] == outage.met == jobs.runtime.settings.attempts
    assert (await jobs.shown(job))["problem"]["code"] == "unavailable"
