"""Finding the record that a person names, wherever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import quote

from common import errors
from common.http.client import ServiceClient

_PATHS = (
    # Raw records: a job whose content was destroyed is still somewhere in the log.
    ("training", "/internal/jobs"),
    ("training", "/internal/searches"),
    ("evaluation", "/internal/jobs"),
    ("session", "/v1/sessions"),
    ("storage", "/v1/experiments"),
    ("catalog", "/v1/datasets"),
)


class Finder:
    """Asks the services for a reference of any kind: the ending of an id, or a name."""

    def __init__(self, services: Mapping[str, ServiceClient]) -> None:
        self._services = services

    async def find(self, reference: str) -> str:
        """The full id. Raises `errors.NotFound`, `errors.AmbiguousReference` with the candidates."""
        answers = await asyncio.gather(
            *(self._ask(name, path, reference) for name, path in _PATHS), return_exceptions=True
        )
        found = [answer for answer in answers if isinstance(answer, str)]
        for answer in answers:
            # One that is away, or to which the reference means nothing, does not hide what another one found.
            if isinstance(answer, errors.AmbiguousReference) or (
                isinstance(answer, BaseException) and not isinstance(answer, errors.AutoLearnError)
            ):
                raise answer
        if not found:
            raise errors.NotFound(f"{reference!r} is no trace, and no record is called so")
        if len(found) > 1:
            raise errors.AmbiguousReference(
                f"{reference!r} fits {len(found)} records", extra={"candidates": sorted(found)}
            )
        return found[0]

    async def _ask(self, name: str, path: str, reference: str) -> str:
        answer = await self._services[name].call("GET", f"{path}/{quote(reference, safe='')}")
        return str(answer["id"])
