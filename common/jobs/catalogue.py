"""The catalogue as the services of jobs see it: the datasets and the estimators that requests name."""

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

    async def dataset(self, reference: str) -> tuple[Mapping[str, Any] | None, list[errors.Flaw]]:
        """`{dataset, blob}` of a dataset version, or None and what is wrong with the reference."""
        try:
            return await self._client.call("GET", f"/internal/datasets/{quote(reference, safe='@:')}"), []
        except (errors.NotFound, errors.AmbiguousReference) as error:
            near = tuple(error.extra.get("suggestions", ()))
            return None, [errors.Flaw("/dataset", error.code, error.detail, near)]

    async def estimator(self, name: str) -> tuple[Mapping[str, Any] | None, list[errors.Flaw]]:
        """What the catalogue says of an estimator by its qualified name, or None and what is wrong with the name."""
        try:
            return await self._client.call("GET", f"/v1/algorithms/{quote(name, safe='')}"), []
        except errors.NotFound as error:
            near = tuple(error.extra.get("suggestions", ()))
            detail = f"there is no estimator {name!r}" if near else error.detail  # which would name them once more
            return None, [errors.Flaw("/algorithm", "unknown_algorithm", detail, near)]
