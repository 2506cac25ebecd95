"""Experiments as they are shown: opened with their own key."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from common.contracts.experiments import Experiment
from common.http.headers import etag
from common.jobs.artifacts import Artifact
from common.jobs.keys import SessionKeys
from common.ports.blob_store import BlobStore
from common.ports.record_store import Record
from common.records import sealed_blobs, sealed_fields
from common.records.sealing import DataKey
from storage_service.model import summary_row

_NOT_SHOWN = ("summary", "attempt_key")


def listed(row: Record) -> Experiment:
    """An experiment as lists show it: its searchable summary."""
    return Experiment(
        id=row.id, etag=etag(row.state["version"]), **{k: v for k, v in row.state.items() if k != "version"}
    )


class Opened:
    """An experiment with its key. `errors.IntegrityError` for tokens that are not what was sealed."""

    def __init__(self, record: Record, key: DataKey, blobs: BlobStore) -> None:
        self.record, self._key, self._blobs = record, key, blobs

    def _open(self, name: str) -> Any:
        return self._key.open(self.record.state["training"], name, self.record.state["sealed"][name])

    @property
    def annotations(self) -> dict[str, Any]:
        """Tags and note."""
        found: dict[str, Any] = self._key.open(
            self.record.id, "annotations", self.record.state["sealed"]["annotations"]
        )
        return found

    def annotate(self, annotations: Mapping[str, Any]) -> str:
        """The token of new tags and note."""
        return self._key.seal(self.record.id, "annotations", dict(annotations))

    @property
    def summary(self) -> dict[str, Any]:
        """Dataset, target, task, algorithm, parameters, measures."""
        found: dict[str, Any] = self._open("summary")
        return found

    def row(self) -> dict[str, Any]:
        """What of it is searchable."""
        return summary_row(
            self.record.id, self.record.version, self.record.state, self.summary, self.annotations["tags"]
        )

    async def full(self) -> Experiment:
        """All of it."""
        row, annotations = self.row(), self.annotations
        row.pop("version")
        return Experiment(
            id=self.record.id,
            etag=etag(self.record.version),
            note=annotations["note"],
            request=await self._opened(self.record.state["training"], "request"),
            result=await self.result(),
            evaluations=await self._evaluations(),
            **row,
        )

    async def result(self) -> dict[str, Any]:
        """The training's result."""
        return await self._fetched(self._open("result"), self._open("attempt_key"))

    async def artifact(self) -> Artifact:
        """The trained model."""
        described = (await self.result())["artifact"]
        return Artifact(
            self.record.state["blobs"]["artifact"],
            base64.b64decode(self._open("attempt_key")),
            described["digest"],
            f"{self.record.id}.{described['format']}",
        )

    async def _evaluations(self) -> list[dict[str, Any]]:
        found = await self._opened(self.record.id, "evaluations")
        return [
            {
                **{name: part for name, part in one.items() if name not in _NOT_SHOWN},
                "result": await self._fetched(one["result"], one["attempt_key"]),
            }
            for one in found
        ]

    async def _opened(self, subject: str, name: str) -> Any:
        """A field that may be a blob under the experiment's own key."""
        token = self.record.state["sealed"][name]
        return await sealed_fields.open_field(self._blobs, self._key, subject, name, token)

    async def _fetched(self, value: Any, attempt_key: str) -> dict[str, Any]:
        """A result, which may be a blob under the key of the attempt that made it."""
        found: dict[str, Any] = await sealed_blobs.fetch(self._blobs, value, base64.b64decode(attempt_key))
        return found


class Opener:
    """Opens experiments; keys come from the session service and are remembered for seconds."""

    def __init__(self, keys: SessionKeys, blobs: BlobStore) -> None:
        self.keys, self._blobs = keys, blobs

    async def open(self, record: Record) -> Opened:
        """The experiment, readable. Raises `errors.Gone` once its key is destroyed."""
        return Opened(record, await self.keys.get(record.id), self._blobs)
