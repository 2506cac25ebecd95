"""The documentation is true: every command and every piece of Python in tutorial and how-tos is run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.engines.engine import home
from tests import engines, warm

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
ENGINES_NEEDED = ("use-engines", "run-a-cluster")
EXTERNAL = pytest.mark.external
_BLOCK = re.compile(r"```(console|python)\n(.*?)```(?:\n<!-- expect: (.*?) -->)?", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of a page: what runs, and what its output must hold."""

    kind: str
    text: str
    expected: str | None


def blocks(page: Path) -> list[Block]:
    return [Block(*match) for match in _BLOCK.findall(page.read_text())]


def executed() -> list[Any]:
    pages = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]
    return [pytest.param(one, id=one.stem, marks=EXTERNAL if one.stem in ENGINES_NEEDED else ()) for one in pages]


def surroundings(folder: Path) -> dict[str, str]:
    """An environment whose `autolearn` and `python` are this checkout's, with folders of its own."""
    binaries = folder / "bin"
    binaries.mkdir()
    for name, text in (("autolearn", warm.script("cli")), ("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')):
        command = binaries / name
        command.write_text(text)
        command.chmod(0o755)
    (folder / "tests").symlink_to(ROOT / "tests")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AUTOLEARN_")},
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AUTOLEARN_DATA": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "COLUMNS": "160",
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running platform with its five datasets, as the how-tos take for granted: where to find it."""
    folder = tmp_path_factory.mktemp("platform")
    place = surroundings(folder)
    try:
        ready(place, folder)
        yield {name: place[name] for name in ("AUTOLEARN_DATA", "AUTOLEARN_URL")}
    finally:
        down(place, folder)


def run(command: list[str], place: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        command, env=place, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def ready(place: dict[str, str], cwd: Path) -> None:
    """A running platform with its five datasets, as the how-tos take for granted."""
    said = run(["autolearn", "up", "--detach", "--port", "0"], place, cwd)
    place["AUTOLEARN_URL"] = re.search(r"http://\S+", said).group()  # type: ignore[union-attr]
    waiting = (
        "import time, autolearn\n"
        "end = time.monotonic() + 60\n"
        "with autolearn.connect() as client:\n"
        "    while len({one.name for one in client.datasets.list()}) < 5:\n"
        "        assert time.monotonic() < end, 'the five datasets did not come'\n"
    )
    run([sys.executable, "-c", waiting], place, cwd)


def down(place: dict[str, str], cwd: Path) -> None:
    """Stop the platform of this place, if one runs there."""
    subprocess.run(["autolearn", "down"], env=place, cwd=cwd, check=False, capture_output=True, timeout=60)


@pytest.mark.acceptance
@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", executed())
def test_page_runs_as_it_stands(page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    found = blocks(page)
    assert found, f"{page} has nothing to run"
    if page.stem in ENGINES_NEEDED:
        for name in engines.ENGINES:
            engines.url(name)
    place = surroundings(tmp_path)
    if page.stem in ENGINES_NEEDED:  # engines of its own: what is in a database goes with a master key
        place["XDG_CACHE_HOME"] = str(tmp_path / "cache")
        (tmp_path / "cache" / "autolearn-engines").mkdir(parents=True)
        (tmp_path / "cache" / "autolearn-engines" / "installed").symlink_to(home() / "installed")
    if page.stem != "tutorial":
        place.update(request.getfixturevalue("running"))
    try:
        for block in found:
            if block.kind == "python":
                said = run([sys.executable, "-c", block.text], place, tmp_path)
            else:
                lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
                said = "".join(run(["sh", "-ec", line], place, tmp_path) for line in lines)
            assert not block.expected or block.expected in said, f"{block.text}\nsaid:\n{said}"
    finally:
        if page.stem == "tutorial":
            down(place, tmp_path)
        if page.stem in ENGINES_NEEDED:
            run(["autolearn", "down", "--data", "with-engines"], place, tmp_path)
            run(["autolearn", "cluster", "down", "--folder", "cluster"], place, tmp_path)
            run(["python", "-m", "deploy.engines", "down"], place, tmp_path)


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}, which is not there"
