"""The services that an evaluation needs: the training whose model it measures, and the catalogue for other data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.http.client import ServiceClient


class Catalogue:
    """Datasets as the catalogue service has them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def dataset(self, reference: str) -> Mapping[str, Any]:
        """`{dataset, blob}` of a dataset version. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        found: Mapping[str, Any] = await self._client.call("GET", f"/internal/datasets/{quote(reference, safe='@:')}")
        return found


class Trainings:
    """Trainings as the training service has them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def record(self, reference: str) -> Mapping[str, Any]:
        """`{id, version, state}` of a training. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        found: Mapping[str, Any] = await self._client.call("GET", f"/internal/jobs/{quote(reference, safe='')}")
        return found
