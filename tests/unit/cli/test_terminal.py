"""What happens only on a terminal: questions, bars, colours, Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.autolearn.fake_server import FakePlatform, RunningFake
from tests.unit.cli.conftest import Terminal
from tests.waiting import until

Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Terminal] = []

    def run(*words: str) -> Terminal:
        started.append(Terminal(*words))
        return started[-1]

    yield run
    for terminal in started:
        terminal.close()


def test_train_asks_and_prints_the_command_that_would_have_done_the_same(
    start: Start, uploaded: None, platform: FakePlatform
) -> None:
    terminal = start("train", "-p", "C=2")
    terminal.expect("Dataset [penguins]")
    terminal.type("7")
    terminal.expect("'7' is none of them")
    terminal.type("1")
    terminal.expect("Column to predict [species]")
    terminal.type("")
    terminal.expect("random_forest")
    terminal.expect("[random_forest]")
    terminal.type("1 svm")
    terminal.expect("autolearn train penguins random_forest svm --target species -p C=2")
    assert terminal.end() == 0
    assert [job["request"]["parameters"] for job in platform.jobs.values()] == [{"C": 2}, {"C": 2}]


def test_the_first_interrupt_detaches_and_says_how_to_come_back(
    start: Start, server: RunningFake, uploaded: None
) -> None:
    server.hold(True)
    terminal = start("train", "penguins", "svm", "--target", "species")
    terminal.expect("tree 50 of 100")
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.expect("come back with: autolearn jobs wait")
    assert terminal.end() == 130
    (job,) = server.platform.jobs.values()
    assert job["state"] == "running" and job["id"] in terminal.said


def test_tables_have_colours_unless_they_are_not_wanted(
    start: Start, uploaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = start("datasets", "list")
    assert coloured.end() == 0 and "\x1b[1m" in coloured.said and "penguins" in coloured.said
    monkeypatch.setenv("NO_COLOR", "1")
    plain = start("train", "penguins", "svm", "random_forest", "--target", "species", "--quiet")
    assert plain.end() == 0 and "0.98" in plain.said
    assert "\x1b[3" not in plain.said and "\x1b[1;3" not in plain.said


def test_destroying_asks(start: Start, uploaded: None, platform: FakePlatform) -> None:
    terminal = start("datasets", "delete", "penguins")
    terminal.expect("Delete penguins?")
    terminal.type("n")
    assert terminal.end() == 5 and "nothing was done" in terminal.said and len(platform.datasets) == 1
    terminal = start("datasets", "delete", "penguins")
    terminal.expect("Delete penguins?")
    terminal.type("y")
    assert terminal.end() == 0 and not platform.datasets


@pytest.mark.parametrize(
    ("words", "question"), [(["train"], "Dataset [penguins]"), (["datasets", "delete", "penguins"], "Delete penguins?")]
)
def test_an_interrupt_ends_a_question(start: Start, uploaded: None, words: list[str], question: str) -> None:
    terminal = start(*words)
    terminal.expect(question)
    # Nobody is quicker than the way from writing the question to reading the answer, but this test would be.
    reading = psutil.Process(terminal.process.pid)
    until(lambda: reading.status() == psutil.STATUS_SLEEPING, 10, "a command that waits for an answer")
    os.kill(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130 and "nothing was done" in terminal.said


def test_a_large_upload_shows_how_far_it_is(start: Start, server: RunningFake, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"a,b\n" + b"1,2\n" * 1_100_000)
    terminal = start("datasets", "upload", "long.csv")
    assert terminal.end() == 0
    assert "4.4/4.4 MB" in terminal.said and "long@1" in terminal.said
