"""The services that a training needs: the catalogue for its dataset, the sessions for its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common import errors
from common.http.client import ServiceClient


class Catalogue:
    """Datasets as the catalogue service has them."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def dataset(self, reference: str) -> Mapping[str, Any]:
        """`{dataset, blob}` of a dataset version. Raises `errors.NotFound`, `errors.AmbiguousReference`."""
        found: Mapping[str, Any] = await self._client.call("GET", f"/internal/datasets/{quote(reference, safe='@:')}")
        return found


class Sessions:
    """Sessions as the session service has them."""

    def __init__(self, client: ServiceClient) -> None:
        self.client = client

    async def problem(self, reference: str) -> errors.Flaw | None:
        """What is wrong with a session as the place of a new job, if anything."""
        try:
            await self.client.call("GET", f"/v1/sessions/{quote(reference, safe='')}")
        except (errors.NotFound, errors.AmbiguousReference) as error:
            return errors.Flaw("/session", error.code, error.detail)
        return None
