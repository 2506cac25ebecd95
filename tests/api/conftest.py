"""One platform for all tests of the interface, and the OpenAPI document that it answers with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.platforms import PENGUINS, Platform

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes gets time for it."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.acceptance)
            item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform with a dataset, a session and a result; at the end the oracle looks at its folder."""
    with Platform(tmp_path_factory.mktemp("api")) as running:
        running.upload(PENGUINS)
        running.train(running.session(name="api"))
        yield running
        running.settle()
        assert running.stop() == 0
        running.kept_its_promises()


@pytest.fixture(scope="session")
def document(platform: Platform) -> dict[str, Any]:
    """What `/openapi.json` says."""
    found: dict[str, Any] = platform.get("/openapi.json")
    return found
