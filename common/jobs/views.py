"""Jobs as they are shown: plain fields as stored, confidential ones opened with the session's key."""

from __future__ import annotations

import base64
from typing import Any

from common import errors
from common.contracts.jobs import Job, Progress
from common.contracts.sessions import SessionState
from common.jobs import repository
from common.jobs.keys import SessionKeys
from common.ports.blob_store import BlobStore
from common.ports.record_store import Record
from common.records import sealed_blobs, sealed_fields
from common.records.repository import Repository
from common.records.sealing import DataKey

_PLAIN = (
    "state",
    "session",
    "dataset",
    "algorithm",
    "training",
    "search",
    "attempt",
    "trace_id",
    "created",
    "started",
    "ended",
)


def plain(kind: str, record: Record) -> Job:
    """A job without its confidential parts, as lists show it."""
    shown: dict[str, Any] = {name: record.state.get(name) for name in _PLAIN}
    shown["attempt"] = record.state.get("attempt", 0)
    return Job(
        id=record.id, kind=kind, experiment=record.state.get("experiment"), removed=record.state.get("removed"), **shown
    )


def attempt_key(key: DataKey, record: Record) -> bytes:
    """The key under which this attempt's blobs are sealed."""
    return base64.b64decode(key.open(record.id, "attempt_key", record.state["sealed"]["attempt_key"]))


class JobViews:
    """Opens what a job hides."""

    def __init__(self, kind: str, jobs: Repository, keys: SessionKeys, blobs: BlobStore) -> None:
        self._kind, self._jobs, self._keys, self._blobs = kind, jobs, keys, blobs

    async def full(self, record: Record) -> Job:
        """The whole job; of one that a committed session left behind what lies in clear.

        Raises `errors.Gone` when it was dropped, or its session discarded or expired.
        """
        require_there(record)
        job = plain(self._kind, record)
        sealed = record.state.get("sealed", {})
        if not sealed:
            return job
        key = await self._keys.get(record.state["session"])
        opened = {name: key.open(record.id, name, sealed[name]) for name in ("result", "problem") if name in sealed}
        opened["request"] = await self.submitted(record, key)
        if "attempt_key" in sealed and isinstance(opened.get("result"), dict):
            opened["result"] = await sealed_blobs.fetch(self._blobs, opened["result"], attempt_key(key, record))
        progress = record.envelope.get("progress")
        return job.model_copy(
            update={
                **opened,
                "task_reason": opened["request"].get("task_reason"),
                "progress": Progress(**key.open(record.id, "progress", progress)) if progress else None,
                "ahead": await repository.ahead(self._jobs, record) if record.state["state"] == "queued" else None,
            }
        )

    async def submitted(self, record: Record, key: DataKey, field: str = "request") -> Any:
        """What the job was submitted with: its request, or another confidential field."""
        return await sealed_fields.open_field(self._blobs, key, record.id, field, record.state["sealed"][field])

    async def output(self, record: Record) -> tuple[int, bytes]:
        """What the job has printed as far as it is kept, and the number of bytes before that.

        Raises `errors.Gone` as `full`; nothing is kept of a committed job's output.
        """
        require_there(record)
        sealed = record.state.get("sealed", {})
        if not sealed:
            return 0, b""
        key = await self._keys.get(record.state["session"])
        blob = record.state.get("blobs", {}).get("output")
        if blob:
            return 0, await sealed_blobs.read(self._blobs, blob, attempt_key(key, record))
        tail = record.envelope.get("output")
        if not tail:
            return 0, b""
        return int(tail["start"]), base64.b64decode(key.open(record.id, "output", tail["token"]))


def require_there(record: Record) -> None:
    """Raise `errors.Gone` when the job was dropped, or its session discarded or expired."""
    removed = record.state.get("removed")
    if removed and removed != SessionState.committed:
        raise errors.Gone(f"{record.id} was {removed} and its content destroyed")
