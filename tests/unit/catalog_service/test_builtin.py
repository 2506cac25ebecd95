"""The carried-in datasets come, also when the first try finds no room."""

from __future__ import annotations

from typing import Any

import pytest

from catalog_service import builtin
from common import errors
from tests.unit.catalog_service.conftest import Catalog

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_found_no_room_is_carried_in_later(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, refused = catalog.runtime.blobs, ["full"] * 2
    put = blobs.put_file

    async def full_at_first(*told: Any, **more: Any) -> Any:
        if refused:
            raise errors.StorageFull(refused.pop())
        return await put(*told, **more)

    monkeypatch.setattr(blobs, "put_file", full_at_first)
    monkeypatch.setattr(builtin, "_AGAIN", 0.0)
    assert catalog.service.ready is not None
    await catalog.service.ready()
    assert not refused
    there = await catalog.http.get("/v1/datasets")
    assert sorted(item["name"] for item in there.json()["items"]) == sorted(builtin.NAMES)
