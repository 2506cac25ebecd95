"""The client's tests talk to a stand-in over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from autolearn.aio.client import Client
from autolearn.finding import Place
from autolearn.transport import Patience
from tests.unit.autolearn.fake_server import FakePlatform, RunningFake

QUICK = Patience(connect=0.3, busy=2.0, answer=5.0, quiet_stream=5.0)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or changed."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("URL", "TOKEN", "DATA", "PROFILE", "SESSION"):
        monkeypatch.delenv(f"AUTOLEARN_{name}", raising=False)


@pytest.fixture(scope="session")
def _running() -> Iterator[RunningFake]:
    with RunningFake() as running:
        yield running


@pytest.fixture
def server(_running: RunningFake) -> Iterator[RunningFake]:
    _running.reset()
    yield _running
    _running.hold(False)  # nobody is left waiting


@pytest.fixture
def platform(server: RunningFake) -> FakePlatform:
    return server.platform


@pytest.fixture
async def client(server: RunningFake) -> AsyncIterator[Client]:
    async with Client(Place(server.url, None, "test"), patience=QUICK) as client:
        yield client


@pytest.fixture
def penguins(tmp_path: Path) -> Path:
    path = tmp_path / "penguins.csv"
    path.write_text("species,bill_length_mm\nAdelie,39.1\nGentoo,46.1\n")
    return path
