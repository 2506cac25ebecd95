"""Exports: all experiments that fit, as one JSON array or one CSV table, streamed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from common import errors
from common.filtering.conditions import Condition
from common.filtering.sorting import SortKey
from storage_service.repository import Experiments, Summaries
from storage_service.views import Opener

_COLUMNS = (
    "id",
    "name",
    "dataset",
    "dataset_digest",
    "target",
    "task",
    "algorithm",
    "created",
    "committed",
    "session",
    "training",
    "trace_id",
    "tags",
    "seconds",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """A cell that no spreadsheet program takes for a formula (OWASP, CSV injection): a quote before such a text."""
    if isinstance(value, list):
        value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


class Exports:
    """Streams of experiments."""

    def __init__(self, experiments: Experiments, summaries: Summaries, opener: Opener) -> None:
        self._experiments, self._summaries, self._opener = experiments, summaries, opener

    async def json(self, where: Condition | None, sort: Sequence[SortKey]) -> AsyncIterator[bytes]:
        """An array of whole experiments, one a line; those that are erased meanwhile are left out."""
        separator = b"[\n"
        async for row in self._summaries.visible(where, sort):
            record = await self._experiments.repository.find(row.id)
            if record is None:
                continue
            try:
                shown = await (await self._opener.open(record)).full()
            except errors.Gone:
                continue
            yield separator + json.dumps(shown.model_dump(mode="json"), ensure_ascii=False).encode()
            separator = b",\n"
        yield b"[]\n" if separator == b"[\n" else b"\n]\n"

    async def csv(self, where: Condition | None, sort: Sequence[SortKey]) -> AsyncIterator[bytes]:
        """A table (RFC 4180) with a column for every measure that some experiment has."""
        names: dict[str, None] = {}
        async for row in self._summaries.visible(where, sort):
            names.update(dict.fromkeys(row.state["measures"]))
        yield _line([*_COLUMNS, *(f"measures.{name}" for name in names)])
        async for row in self._summaries.visible(where, sort):
            state, measures = {"id": row.id, **row.state}, row.state["measures"]
            yield _line([*(cell(state.get(name)) for name in _COLUMNS), *(measures.get(name) for name in names)])


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
