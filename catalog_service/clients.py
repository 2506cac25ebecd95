"""The services that may still use a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from common import errors
from common.http.client import ServiceClient


class Referrers:
    """Asks each service which of its things name a dataset version."""

    def __init__(self, services: Sequence[ServiceClient]) -> None:
        self._services = tuple(services)

    async def of(self, dataset: str) -> tuple[list[str], int]:
        """Some of the ids that refer to the dataset with this id, and how many there are.

        Raises `errors.Unavailable` when a service does not answer: then nobody knows, nothing may be deleted.
        """
        found: list[str] = []
        count = 0
        for service in self._services:
            try:
                answer = await service.call("POST", f"/internal/datasets/{dataset}:referrers")
            except errors.Internal as error:
                raise errors.Unavailable("a service cannot say what it uses; nothing was deleted") from error
            found += answer["referrers"]
            count += answer["count"]
        return found, count
