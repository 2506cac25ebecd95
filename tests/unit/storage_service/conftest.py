from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.runtimes import light_runtime, running
from tests.unit.session_service.conftest import Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with light_runtime(tmp_path) as runtime:
        found = staged(runtime)
        async with running(runtime, [found.session, found.storage]), found.sessions, found.experiments:
            yield found
