"""The order of the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

_LONG_FIRST = ("faults", "docs", "acceptance", "contract", "api")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose files take long come first: none is left for the end of a parallel run, when the others wait."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return _LONG_FIRST.index(folder) if folder in _LONG_FIRST else len(_LONG_FIRST)

    items.sort(key=place)
