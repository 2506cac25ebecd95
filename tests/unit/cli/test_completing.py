"""What TAB offers: names that the server knows, and nothing where it does not answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.autolearn.fake_server import RunningFake
from tests.unit.cli.conftest import Shell


def offered(line: str) -> list[str]:
    """What bash is offered for a line, by the program as the shell runs it."""
    words = line.split(" ")
    told = {"_AUTOLEARN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", "from cli.__main__ import main; main()"],
        env={**os.environ, "PYTHONPATH": root, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.usefixtures("uploaded")
def test_names_come_from_the_server(shell: Shell) -> None:
    assert shell("train", "penguins", "svm", "-t", "species", "--json").code == 0
    assert offered("autolearn train peng") == ["penguins"]
    assert offered("autolearn train penguins s") == ["svm"]
    assert offered("autolearn train penguins svm --target sp") == ["species"]
    assert offered("autolearn session show brave") == ["brave-otter"]
    job = shell("jobs", "list", "--json").json["items"][0]["id"]
    assert offered(f"autolearn jobs show {job[:8]}") == [job]


def test_nothing_is_said_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLEARN_URL", "http://127.0.0.1:9")
    assert offered("autolearn datasets show p") == []


def test_commands_complete_without_one(server: RunningFake) -> None:
    assert offered("autolearn dat") == ["datasets"]
    assert "profile" in offered("autolearn datasets p")
