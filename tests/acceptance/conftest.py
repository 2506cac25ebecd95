"""A platform for all tests that harm none, held against the oracle after every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platforms import PENGUINS, Platform

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes gets time for it."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.acceptance)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform that has the penguins; at the end it is stopped and its folder looked at."""
    with Platform(tmp_path_factory.mktemp("platform")) as running:
        running.upload(PENGUINS)
        yield running
        running.settle()
        assert running.stop() == 0
        running.kept_its_promises()


@pytest.fixture(autouse=True)
def promises(request: pytest.FixtureRequest) -> Iterator[None]:
    """The oracle, after every test."""
    yield
    if "platform" in request.fixturenames:
        running: Platform = request.getfixturevalue("platform")
        running.keeps_its_promises()


@pytest.fixture
def session(platform: Platform) -> str:
    """An open session with a note that nobody may read."""
    note = f"canary of a note {len(platform.canaries)}"
    platform.canaries.add(note.encode())
    return platform.session(note=note)
