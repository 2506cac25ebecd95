"""Experiments: what was committed, immutable but for tags and note."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from common.contracts.base import Answer, Command, Document, Tag


class Experiment(Answer):
    """One succeeded training with its evaluations; `etag` is what `If-Match` wants for a change of tags or note."""

    id: str
    name: str
    session: str
    training: str
    commit: str
    dataset: str | None = None
    dataset_digest: str | None = None
    target: str | None = None
    task: str | None = None
    algorithm: str | None = None
    created: str
    committed: str
    tags: list[str] = []
    note: str | None = None
    measures: dict[str, float | None] = {}
    trace_id: str | None = None
    etag: str
    request: Document | None = None
    result: Document | None = None
    evaluations: list[Document] = []


class ExperimentChange(Command):
    """New tags and note of an experiment; what is not given stays."""

    tags: Annotated[list[Tag], Field(max_length=100)] | None = None
    note: Annotated[str, Field(max_length=10_000)] | None = None
