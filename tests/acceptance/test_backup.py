"""A backup of a platform at work, restored elsewhere: the same digests, and everything can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.platforms import Platform

pytestmark = pytest.mark.one_process  # engines have tools of their own for it


def digests(platform: Platform) -> dict[str, Any]:
    verified = platform.json("log", "verify")
    assert verified["ok"] is True, verified
    return {one["service"]: (one["records"], one["digest"]) for one in verified["services"]}


def test_a_backup_of_a_running_platform_is_the_same_platform_elsewhere(
    platform: Platform, session: str, tmp_path: Path
) -> None:
    platform.train(session)
    committed = platform.post(f"/v1/sessions/{session}:commit", {}, prefer="wait=20")
    experiment = committed["experiments"][0]
    platform.settle()
    before = digests(platform)
    saved = platform.json("admin", "backup", str(tmp_path / "b.tar"))
    assert saved["bytes"] == (tmp_path / "b.tar").stat().st_size
    platform.train(platform.session(), wait=False)
    with Platform.restored(tmp_path / "b.tar", platform, tmp_path / "elsewhere") as other:
        assert digests(other) == before
        assert other.get(f"/v1/experiments/{experiment}")["id"] == experiment
        for one in (platform, other):
            assert one.http.get(f"/v1/experiments/{experiment}/artifact").status_code == 200
        other.keeps_its_promises()
