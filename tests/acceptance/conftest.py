"""A platform for all tests that harm none, held against the oracle after every one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import engines, hosts
from tests.clusters import ClusterPlatform
from tests.engine_platform import SETTINGS
from tests.platforms import MAMMOGRAPHY, PENGUINS, Platform
from tests.proxies import Proxies

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


MORE = {"training-task": 2, "training-rest": 2, "session-event": 2}
"""Roles of the cluster that have more than one process."""


HOSTS = (1, 2)
"""The other machines from which its services may be asked."""


@pytest.fixture(scope="session")
def proxies() -> Iterator[Proxies]:
    """What is between the cluster and its engines."""
    with Proxies({name: engines.url(name) for name in SETTINGS.values()}) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(proxies: Proxies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterPlatform]:
    """A cluster with some roles twice, which is harmed; at the end it is stopped and held against the oracle."""
    told = {"AUTOLEARN_SLOTS": "1", "AUTOLEARN_ALLOWED_HOSTS": hosts.allowed(HOSTS)}
    with ClusterPlatform(tmp_path_factory.mktemp("cluster"), MORE, proxies, **told) as running:
        running.upload(PENGUINS)
        running.upload(MAMMOGRAPHY)
        yield running
        running.settle()
        running.stop()
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
