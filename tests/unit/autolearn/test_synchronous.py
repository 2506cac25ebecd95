"""The synchronous face: the same verbs with the same signatures, and a thread that goes away."""

from __future__ import annotations

import asyncio
import inspect
import threading
from pathlib import Path

import pytest

import autolearn
from autolearn import client as synchronous
from autolearn.aio import catalogue, datasets, experiments, jobs, log, pages, sessions
from autolearn.aio import client as asynchronous
from tests.unit.autolearn.fake_server import FakePlatform, RunningFake

PAIRS = [
    (synchronous.Client, asynchronous.Client),
    (synchronous.Datasets, datasets.Datasets),
    (synchronous.Algorithms, catalogue.Algorithms),
    (synchronous.Measures, catalogue.Measures),
    (synchronous.Sessions, sessions.Sessions),
    (synchronous.Jobs, jobs.Jobs),
    (synchronous.Job, jobs.Job),
    (synchronous.Experiments, experiments.Experiments),
    (synchronous.Log, log.Log),
    (synchronous.Pages, pages.Pages),
]


@pytest.mark.parametrize(("face", "inner"), PAIRS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_asynchronous_verb_has_a_synchronous_one(face: type, inner: type) -> None:
    verbs = {name for name, _ in inspect.getmembers(inner) if not name.startswith("_")}
    assert verbs - set(dir(face)) == set()


def test_the_way_of_the_readme(server: RunningFake, penguins: Path) -> None:
    with autolearn.connect(server.url) as c:
        c.datasets.upload(penguins)
        job = c.train("penguins", "random_forest", target="species")
        assert job.result is not None and job.result["measures"]["test"]["accuracy"] == 0.98
        assert list(job.output()) == ["first", "second"]
        assert c.jobs.show(job.id[-8:]).wait(check=True).id == job.id
        assert [record.id for record in c.jobs.list()] == [job.id]
        assert c.evaluate(job).state == "succeeded"
        c.sessions.commit(job.session)
        assert len(c.experiments.list().to_frame()) == 1
        with pytest.raises(autolearn.errors.NotFound):
            c.datasets.show("nothing")


def test_signatures_and_docstrings_are_the_asynchronous_ones(server: RunningFake) -> None:
    with autolearn.connect(server.url) as c:
        assert "test_share" in inspect.signature(c.train).parameters
        assert "self" not in inspect.signature(c.datasets.upload).parameters
        assert c.train.__doc__ == asynchronous.Client.train.__doc__


def test_it_works_while_a_loop_runs_in_this_thread(server: RunningFake) -> None:
    async def cell() -> str:
        with autolearn.connect(server.url) as c:
            return c.info().mode

    assert asyncio.run(cell()) == "embedded"


def test_an_iteration_left_early_ends_its_stream(server: RunningFake, platform: FakePlatform) -> None:
    with autolearn.connect(server.url) as c:
        for event in c.log.stream():
            if event.arrival == 3:
                break
        assert c.info().version == "0.1.0"


def test_closing_ends_the_thread_and_later_calls_say_so(server: RunningFake) -> None:
    before = threading.active_count()
    c = autolearn.connect(server.url)
    c.info()
    c.close()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="closed"):
        c.info()
