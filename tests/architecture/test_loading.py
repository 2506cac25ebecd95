"""What a process loads: services stay small, and the root of the command line is quick."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.rules import LEARNING
from tests.architecture.source import ROOT, SERVICES, modules

SAID = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded(*names: str) -> set[str]:
    """The packages that are there after importing these modules in an interpreter of its own."""
    code = "\n".join([*(f"import {name}" for name in names), SAID])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("service", [*SERVICES, "embedded"])
def test_a_service_process_loads_no_learning_library(service: str) -> None:
    parts = [module.name for module in modules() if module.within(service)]
    names = [name for name in parts if ".tasks" not in name and not name.endswith("__main__")]
    assert names
    assert loaded(*names) & set(LEARNING) == set()


def test_a_learning_library_would_be_seen() -> None:
    assert "pyarrow" in loaded("common.learning.export", "pyarrow")


def test_the_root_of_the_command_line_loads_no_http() -> None:
    assert loaded("cli.app", "cli.__main__") & {"httpx", "pandas", "fastapi", "psutil"} == set()


def test_contracts_load_no_framework() -> None:
    names = [module.name for module in modules() if module.within("common.contracts")]
    assert loaded(*names) & {"fastapi", "starlette", "httpx", "apsw", "uvicorn"} == set()
