"""Tests that break real platforms get time for it."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts processes, or many runtimes."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.acceptance)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(240))
