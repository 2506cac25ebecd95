"""What has to hold before a command does anything: quick help, completion, complete panels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import app
from tests.unit.cli.conftest import Shell

ROOT = Path(__file__).parents[3]


def test_help_for_the_root_loads_no_client_and_no_command() -> None:
    code = (
        "import sys, typer; before = set(sys.modules); from cli import app; app.root();"
        "print(*(m for m in sys.modules if m not in before))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()) - {"__future__"} == {"cli", "cli.app", "cli.invocation"}


@pytest.mark.parametrize("name", app.ENTRIES)
def test_every_command_is_what_the_root_says_it_is(shell: Shell, name: str) -> None:
    ended = shell(name, "--help")
    assert ended.code == 0
    assert "Usage: autolearn " + name in ended.out
    assert name in shell("--help").out


@pytest.mark.parametrize(
    ("words", "offered"),
    [("autolearn ", "datasets"), ("autolearn jobs ", "explain"), ("autolearn jobs list --", "--filter")],
)
def test_completion_reaches_into_commands(words: str, offered: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from cli.__main__ import main; main()"],
        cwd=ROOT,
        env={
            **os.environ,
            "_AUTOLEARN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert offered in ended.stdout.splitlines(), ended


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "token", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(8) == 1 and said == b""
