"""What is forked from the warm interpreter is a process as any other."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests import warm


def test_words_environment_and_exit_code_are_its_own() -> None:
    child = warm.start("cli", ["nothing"], {**os.environ, "NO_COLOR": "1"})
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout, child.stderr:
        assert child.stdout.read() == ""
        assert "nothing" in child.stderr.read()
    assert child.wait(20) == child.poll() == 2


def test_a_signal_that_ends_it_is_told(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        told = ["--port", "0", "--data", str(tmp_path / "data")]
        child = warm.start("embedded", told, os.environ, stdout=log.fileno(), stderr=log.fileno())
    assert child.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0)
    child.kill()
    assert child.wait(20) == -signal.SIGKILL


def test_a_script_stands_for_the_command(tmp_path: Path) -> None:
    command = tmp_path / "autolearn"
    command.write_text(warm.script("cli"))
    command.chmod(0o755)
    done = subprocess.run([command, "token"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "no token is needed on this machine\n"), done
    refused = subprocess.run([command, "token", "--nonsense"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--nonsense" in refused.stderr
