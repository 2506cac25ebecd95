"""A platform for all tests that harm none, held against the oracle after every one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters import ClusterPlatform
from tests.platforms import PENGUINS, Platform

_HERE = Path(__file__).parent


CLUSTER = os.environ.get("AUTOLEARN_TEST_PLATFORM") == "cluster"
"""Whether the tests of this folder run against a cluster over real engines, all that are not of one process."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What starts processes gets time for it."""
    other: list[pytest.Item] = []
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.acceptance)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300 if CLUSTER else 120))
            shared = "platform" in getattr(item, "fixturenames", ())
            if CLUSTER and (not shared or item.get_closest_marker("one_process")):
                other.append(item)
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in other]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform that has the penguins; at the end it is stopped and its folder looked at."""
    folder = tmp_path_factory.mktemp("platform")
    with ClusterPlatform(folder) if CLUSTER else Platform(folder) as running:
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
