"""Requests that are too large for a field of a record: a table with thousands of columns makes them."""

from __future__ import annotations

from typing import Any

import pytest

from common import errors
from common.jobs.events import JobEvents
from common.records.sealing import INLINE_LIMIT

Jobs = Any
FEATURES = [f"a secret column {number}" for number in range(INLINE_LIMIT // 20)]


async def test_a_large_request_is_a_sealed_blob_and_works_as_any(jobs: Jobs) -> None:
    job = await jobs.submit(do="succeed", features=FEATURES)
    place = (await jobs.record(job)).state["blobs"]["request"]
    assert b"secret" not in b"".join([piece async for piece in jobs.runtime.blobs.read(place)])
    jobs.work()
    record = await jobs.reaches(job, "succeeded")
    assert len(str(record.state)) < INLINE_LIMIT
    assert (await jobs.shown(job))["request"]["features"] == FEATURES
    assert await JobEvents(jobs.handlers).sweep_blobs() == 0


@pytest.mark.parametrize("settings", [{"blob_grace": 0.001}])
@pytest.mark.parametrize("end", ["removed", "committed"])
async def test_it_goes_when_the_session_does(jobs: Jobs, end: str) -> None:
    job = await jobs.submit(do="succeed", features=FEATURES)
    jobs.work()
    await jobs.reaches(job, "succeeded")
    place = (await jobs.record(job)).state["blobs"]["request"]
    if end == "removed":
        await jobs.handlers.remove(job, "dropped")
    else:
        await jobs.handlers.commit(job, "exp_1")
    await JobEvents(jobs.handlers).sweep_blobs()
    assert place not in [blob.name async for blob in jobs.runtime.blobs.list("training/")]


async def test_nothing_is_reserved_where_it_cannot_be_kept(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> None:
        raise errors.Unavailable("the blob store is away")

    monkeypatch.setattr(jobs.runtime.blobs, "put_bytes", away)
    with pytest.raises(errors.Unavailable):
        await jobs.submit(features=FEATURES)
    assert jobs.sessions.reserved == {} and len(jobs.sessions.released) == 1


async def test_a_blob_store_that_is_away_when_it_is_read_is_waited_for(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await jobs.submit(do="succeed", features=FEATURES)
    there, away = jobs.runtime.blobs.local_path, [1, 2]

    def local_path(name: str) -> Any:
        if away:
            raise errors.Unavailable(f"away for the time {away.pop(0)}")
        return there(name)

    monkeypatch.setattr(jobs.runtime.blobs, "local_path", local_path)
    jobs.work()
    assert (await jobs.reaches(job, "succeeded")).state["attempt"] == 1
    assert not away
