"""The command line's tests run commands in this process against the stand-in, or on a pseudo-terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import run
from tests.unit.autolearn.fake_server import FakePlatform, RunningFake


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or changed."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("URL", "TOKEN", "DATA", "PROFILE", "SESSION"):
        monkeypatch.delenv(f"AUTOLEARN_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _running() -> Iterator[RunningFake]:
    with RunningFake() as running:
        yield running


@pytest.fixture
def server(_running: RunningFake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFake]:
    _running.reset()
    monkeypatch.setenv("AUTOLEARN_URL", _running.url)
    yield _running
    _running.hold(False)  # nobody is left waiting


@pytest.fixture
def platform(server: RunningFake) -> FakePlatform:
    return server.platform


@dataclass(frozen=True)
class Ended:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs commands in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: str) -> Ended:
        self._capture.readouterr()
        code = run(list(words))
        out, err = self._capture.readouterr()
        return Ended(code, out, err)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def penguins(tmp_path: Path) -> Path:
    path = tmp_path / "penguins.csv"
    path.write_text("bill_length_mm,species\n39.1,Adelie\n46.1,Gentoo\n")
    return path


@pytest.fixture
def uploaded(shell: Shell, server: RunningFake, penguins: Path) -> None:
    assert shell("datasets", "upload", str(penguins)).code == 0


class Terminal:
    """A command on a pseudo-terminal, for what only happens when somebody is there."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        root = Path(__file__).parents[3]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"PYTHONPATH": str(root), "TERM": "xterm", **os.environ},
            start_new_session=True,
        )
        os.close(slave)
        self.said = ""

    def expect(self, words: str, seconds: float = 8.0) -> None:
        """Read until `words` appear."""
        while words not in self.said:
            ready, _, _ = select.select([self._master], [], [], seconds)
            assert ready, f"{words!r} did not appear in {self.said!r}"
            if not self._read():
                break
        assert words in self.said, self.said

    def type(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(8)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.said += chunk.decode(errors="replace")
        return bool(chunk)
