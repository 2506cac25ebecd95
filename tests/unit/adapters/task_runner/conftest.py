from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

_HERE = Path(__file__).parent


def pytest_asyncio_loop_factories(
    config: object, item: object
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test of this folder on both event loops that the platform runs on."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs ends its worker: what a signal raises inside uvloop is logged there, and waited on."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(60, method="thread"))
