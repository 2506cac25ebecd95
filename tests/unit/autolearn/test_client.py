"""The asynchronous client's verbs against the stand-in."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

from autolearn.aio.client import Client
from autolearn.failures import JobFailed, WaitTimedOut
from common import errors
from tests.unit.autolearn.fake_server import FakePlatform, RunningFake
from tests.unit.autolearn.fake_state import MODEL


async def test_the_whole_way(client: Client, penguins: Path, tmp_path: Path) -> None:
    version = await client.datasets.upload(penguins)
    assert (version.name, version.rows) == ("penguins", 2)
    session = await client.sessions.open("first")
    job = await client.train(version, "random_forest", "species", session=session, parameters={"max_depth": 3})
    assert job.state == "succeeded" and job.result is not None
    assert job.record.request == {
        "session": session.id,
        "dataset": version.id,
        "algorithm": "random_forest",
        "target": "species",
        "parameters": {"max_depth": 3},
    }
    evaluation = await client.evaluate(job, ["accuracy"])
    assert evaluation.result is not None and evaluation.result["measures"]["accuracy"] == 0.98
    committed = await client.sessions.commit(session, tags=["best"])
    assert committed.state == "committed"
    (experiment,) = await client.experiments.list().all()
    assert experiment.tags == ["best"]
    path = await client.experiments.artifact(experiment, tmp_path / "model.skops")
    assert path.read_bytes() == MODEL


async def test_commit_waits_until_the_session_has_left_committing(client: Client, platform: FakePlatform) -> None:
    platform.commit_polls = 2
    session = await client.sessions.open()
    assert (await client.sessions.commit(session)).state == "committed"


async def test_a_commit_that_is_given_up_later_is_the_error_that_the_session_tells(
    client: Client, platform: FakePlatform
) -> None:
    platform.commit_polls, platform.commit_problem = 2, {"code": "integrity", "detail": "damaged"}
    session = await client.sessions.open()
    with pytest.raises(errors.IntegrityError, match="nothing was committed: damaged"):
        await client.sessions.commit(session)


async def test_waiting_includes_the_moment_until_the_session_knows(
    client: Client, platform: FakePlatform, penguins: Path
) -> None:
    platform.lateness = 3
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species")
    assert (await client.sessions.commit(job.session)).state == "committed"


async def test_a_commit_that_takes_too_long_is_said_to_go_on(client: Client, platform: FakePlatform) -> None:
    platform.commit_polls = 1000
    session = await client.sessions.open()
    with pytest.raises(WaitTimedOut, match="goes on"):
        await client.sessions.commit(session, timeout=0.3)


async def test_lists_fetch_further_pages_as_they_are_needed(client: Client, platform: FakePlatform) -> None:
    for number in range(5):
        await client.datasets.upload(io.BytesIO(b"a,b\n1,2\n"), f"d{number}")
    pages = client.datasets.list()
    pages._page_size = 2
    names = []
    async for version in pages:
        names.append(version.name)
        if len(names) == 3:
            break
    assert names == ["d4", "d3", "d2"]
    assert platform.calls["GET /v1/datasets"] == 2
    assert len(await pages.all()) == 5
    assert [v.name for v in await client.datasets.list(limit=2).all()] == ["d4", "d3"]


async def test_a_list_becomes_a_frame(client: Client) -> None:
    await client.datasets.upload(io.BytesIO(b"a,b\n1,2\n"), "d")
    frame = await client.datasets.list().to_frame()
    assert list(frame["name"]) == ["d"] and list(frame["options.delimiter"]) == [","]


async def test_a_frame_is_uploaded_with_the_types_it_states(client: Client, platform: FakePlatform) -> None:
    import pandas as pd

    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "yes": [True, False], "s": ["a", "b"]})
    version = await client.datasets.upload(frame, "f")
    assert [c.type for c in version.columns] == ["integer", "number", "boolean", "category"]
    assert platform.contents[version.id] == b"n,x,yes,s\n1,0.5,True,a\n2,,False,b\n"
    with pytest.raises(errors.BadRequest, match="name"):
        await client.datasets.upload(frame)


async def test_upload_options_are_query_parameters(client: Client, platform: FakePlatform) -> None:
    await client.datasets.upload(
        io.BytesIO(b"a;b\n1;2\n"), "d", delimiter=";", header=True, missing=["?", "-"], types={"a": "text"}
    )
    query = platform.requests[-1].query_params
    assert query.getlist("missing") == ["?", "-"]
    assert (query["header"], query["delimiter"], query["type"]) == ("true", ";", "a=text")
    assert platform.requests[-1].headers["content-type"] == "application/octet-stream"


async def test_a_missing_file_is_reported_before_anything_is_sent(client: Client, platform: FakePlatform) -> None:
    with pytest.raises(FileNotFoundError):
        await client.datasets.upload("nowhere.csv")
    assert not platform.requests


async def test_problems_are_the_classes_they_were_on_the_server(client: Client, penguins: Path) -> None:
    with pytest.raises(errors.NotFound):
        await client.datasets.show("nothing")
    await client.datasets.upload(penguins)
    with pytest.raises(errors.Invalid) as caught:
        await client.train("penguins", "random_forrest", "species")
    assert caught.value.flaws[0].pointer == "/algorithm"
    (note,) = caught.value.__notes__
    assert note.startswith("/algorithm: ")
    assert caught.value.flaws[0].suggestions == ("random_forest",)


async def test_a_failed_job_raises_only_when_asked_to(client: Client, penguins: Path) -> None:
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "naive_bayes", "species")
    assert job.state == "failed"
    with pytest.raises(JobFailed, match="island is constant") as caught:
        await job.wait(check=True)
    assert caught.value.job == job.record


async def test_trainings_without_a_session_share_one(client: Client, platform: FakePlatform, penguins: Path) -> None:
    await client.datasets.upload(penguins)
    await asyncio.gather(*(client.train("penguins", "svm", "species") for _ in range(3)))
    assert len(platform.sessions) == 1


async def test_waiting_is_bounded_and_the_job_goes_on(client: Client, server: RunningFake, penguins: Path) -> None:
    server.hold(True)
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species", wait=False)
    with pytest.raises(WaitTimedOut):
        await job.wait(0.3)
    assert (await job.refresh()).state == "running"
    server.hold(False)
    assert (await job.wait()).state == "succeeded"


async def test_progress_connects_again_when_the_stream_breaks(
    client: Client, platform: FakePlatform, penguins: Path
) -> None:
    platform.break_streams = 2
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species", wait=False)
    events = [event async for event in job.progress()]
    assert [str(e.state) for e in events if e.state] == ["running", "running", "running", "succeeded"]
    assert platform.calls[f"GET /v1/trainings/{job.id}/progress"] == 3
    assert {e.output for e in events if e.output} == {"fitting\u2028now"}
    assert next(e.progress.fraction for e in events if e.progress) == 0.5


async def test_a_cancelled_job_stays_cancelled(client: Client, server: RunningFake, penguins: Path) -> None:
    server.hold(True)
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species", wait=False)
    assert (await job.cancel()).state == "cancelled"
    assert (await job.cancel()).state == "cancelled"


async def test_output_includes_an_unfinished_last_line(client: Client, penguins: Path) -> None:
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species")
    assert [line async for line in job.output()] == ["first", "second"]


async def test_an_artifact_that_is_not_what_was_stored_is_refused(
    client: Client, platform: FakePlatform, penguins: Path, tmp_path: Path
) -> None:
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species")
    platform.corrupt_artifacts = True
    with pytest.raises(errors.IntegrityError):
        await job.artifact(tmp_path / "model.skops")
    assert [path.name for path in tmp_path.iterdir()] == ["penguins.csv"]


async def test_annotating_needs_the_present_version(client: Client, penguins: Path) -> None:
    await client.datasets.upload(penguins)
    job = await client.train("penguins", "svm", "species")
    await client.sessions.commit(job.session)
    (experiment,) = await client.experiments.list().all()
    tagged = await client.experiments.tag(experiment, "a", "b")
    assert (await client.experiments.tag(experiment, "c", remove=["a"])).tags == ["b", "c"]
    assert (await client.experiments.note(experiment, "good")).note == "good"
    with pytest.raises(errors.PreconditionFailed):
        await client.experiments.tag(experiment, "d", etag=tagged.etag)


async def test_the_log_resumes_after_the_last_event_it_saw(client: Client) -> None:
    arrivals = []
    async for event in client.log.stream():
        arrivals.append(event.arrival)
        if len(arrivals) == 5:
            break
    assert arrivals == [1, 2, 3, 4, 5]


async def test_a_rebuild_is_waited_for(client: Client) -> None:
    rebuild = await client.log.rebuild("check")
    assert rebuild.state == "done" and rebuild.ok
    assert (await client.log.verify()).ok
    assert len(await client.log.trace("trn_1")) == 3


async def test_an_upload_tells_how_far_it_is(client: Client, tmp_path: Path) -> None:
    path, told = tmp_path / "long.csv", list[int]()
    path.write_bytes(b"a,b\n" + b"1,2\n" * 100_000)
    await client.datasets.upload(path, progress=told.append)
    assert told == [0, 262_144, path.stat().st_size]
