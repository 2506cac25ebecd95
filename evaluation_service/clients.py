"""The trainings whose models are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.http.client import ServiceClient


class Trainings:
    """Trainings as the training service has them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def record(self, reference: str) -> Mapping[str, Any]:
        """`{id, version, state}` of a training. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        found: Mapping[str, Any] = await self._client.call("GET", f"/internal/jobs/{quote(reference, safe='')}")
        return found
