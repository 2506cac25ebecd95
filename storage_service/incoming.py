"""What the session service hands over of an experiment."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from common.contracts.base import Command


class IncomingExperiment(Command):
    """An experiment sealed under `key` (base64 of 32 bytes), which stays in the memory of this service for seconds."""

    session: str
    training: str
    evaluations: list[str]
    dataset: str | None = None
    dataset_id: str | None = None
    algorithm: str | None = None
    created: str
    committed: str
    trace_id: str | None = None
    sealed: dict[str, str]
    blobs: dict[str, str]
    key: str

    def state(self, commit: str) -> dict[str, Any]:
        """The plain fields and tokens that are kept."""
        return {"commit": commit, **self.model_dump(exclude={"key"}, exclude_none=True)}


class IncomingExperiments(Command):
    """Some experiments of one commit, by their ids."""

    experiments: Annotated[dict[str, IncomingExperiment], Field(max_length=500)]


class CommitOpening(Command):
    """A commit of `expected` experiments of one session, decided at `committed`."""

    session: str
    expected: int
    committed: str
