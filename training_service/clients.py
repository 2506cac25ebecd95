"""The sessions that trainings are asked for in."""

from __future__ import annotations

from urllib.parse import quote

from common import errors
from common.http.client import ServiceClient


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
