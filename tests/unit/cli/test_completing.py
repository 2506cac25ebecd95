"""What TAB offers: names that the server knows, and nothing where it does not answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cli.__main__ import run
from tests.unit.cli.conftest import Shell


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[str]]:
    """What bash is offered for a line, by the program as the shell asks it."""

    def ask(line: str) -> list[str]:
        with monkeypatch.context() as told, pytest.raises(SystemExit):
            told.setenv("_AUTOLEARN_COMPLETE", "complete_bash")
            told.setenv("COMP_WORDS", line)
            told.setenv("COMP_CWORD", str(line.count(" ")))
            run([])
        out, err = capsys.readouterr()
        assert not err
        return out.split()

    return ask


@pytest.mark.usefixtures("uploaded")
def test_names_come_from_the_server(shell: Shell, offered: Callable[[str], list[str]]) -> None:
    assert shell("train", "penguins", "svm", "-t", "species", "--json").code == 0
    assert offered("autolearn train peng") == ["penguins"]
    assert offered("autolearn train penguins s") == ["svm"]
    assert offered("autolearn train penguins svm --target sp") == ["species"]
    assert offered("autolearn session show brave") == ["brave-otter"]
    job = shell("jobs", "list", "--json").json["items"][0]["id"]
    assert offered(f"autolearn jobs show {job[:8]}") == [job]


def test_nothing_is_said_without_a_server(monkeypatch: pytest.MonkeyPatch, offered: Callable[[str], list[str]]) -> None:
    monkeypatch.setenv("AUTOLEARN_URL", "http://127.0.0.1:9")
    assert offered("autolearn datasets show p") == []


def test_commands_complete_without_one(offered: Callable[[str], list[str]]) -> None:
    assert offered("autolearn dat") == ["datasets"]
    assert "profile" in offered("autolearn datasets p")
