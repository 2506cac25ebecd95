"""Searches: many trainings under one job."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

from autolearn.aio.jobs import Job
from autolearn.aio.pages import Pages
from autolearn.transport import Transport
from common import errors
from common.contracts.jobs import PATHS
from common.contracts.searches import Best, Trial
from common.contracts.searches import Search as SearchRecord


class Search(Job):
    """A handle on one search: a job whose `trials` are trainings, and whose `best` leads so far."""

    record: SearchRecord

    def __init__(self, transport: Transport, record: SearchRecord) -> None:
        super().__init__(transport, record)

    @classmethod
    async def of(cls, transport: Transport, identifier: str) -> Self:
        """The search with this id."""
        return cls(transport, cls._read(await transport.get(f"{PATHS['search']}/{identifier}")))

    @staticmethod
    def _read(document: Any) -> SearchRecord:
        return SearchRecord.model_validate(document)

    @property
    def best(self) -> Best | None:
        """The trial that leads, as it was when it was last asked for."""
        return self.record.best

    def trials(self, *, filter: str | None = None, sort: str | None = None, limit: int | None = None) -> Pages[Trial]:
        """The trials that have been submitted, unless sorted the last rung first, the best of each rung first.

        `filter` over `rank number rung state algorithm value seconds`.
        """
        return Pages(
            self._transport, f"{self._path}/trials", Trial, limit=limit, params={"filter": filter, "sort": sort}
        )

    async def artifact(self, path: str | os.PathLike[str]) -> Path:
        """Save the model of the best trial. `errors.NotReady` while there is none."""
        return await (await self._leader()).artifact(path)

    async def onnx(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """The model of the best trial as ONNX, see `Job.onnx`."""
        return await (await self._leader()).onnx(path)

    async def output(self, *, follow: bool = False) -> AsyncIterator[str]:
        """Nothing: what there is to read is in the outputs of its trials."""
        raise errors.NotReady(f"a search prints nothing; ask for the output of one of the trials of {self.id}")
        yield ""

    async def _leader(self) -> Job:
        await self.refresh()
        if self.best is None:
            raise errors.NotReady(f"{self.id} is {self.state} and has no best trial")
        document = await self._transport.get(f"{PATHS['training']}/{self.best.training}")
        return Job(self._transport, Job._read(document))
