"""Artifacts as they leave: a blob of sealed frames, opened on the way out and never loaded in a service."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.ports.blob_store import BlobStore
from common.ports.record_store import Record
from common.records import sealed_blobs
from common.records.frames import open_frames
from common.records.sealing import DataKey


@dataclass(frozen=True)
class Artifact:
    """A stored model: its blob, the key of the attempt that made it, its digest and the name to save it under."""

    blob: str
    key: bytes = field(repr=False)
    digest: str
    filename: str

    @classmethod
    def of_job(cls, record: Record, key: DataKey, described: Mapping[str, Any]) -> Artifact:
        """The artifact of a succeeded training, `described` being the `artifact` of its result."""
        secret = base64.b64decode(key.open(record.id, "attempt_key", record.state["sealed"]["attempt_key"]))
        return cls(record.state["blobs"]["artifact"], secret, described["digest"], f"{record.id}.{described['format']}")

    def headers(self) -> dict[str, str]:
        """An attachment whose digest the client can check (RFC 9530)."""
        value = self.digest.removeprefix("sha256:")
        encoded = base64.b64encode(bytes.fromhex(value)).decode()
        return {"Content-Disposition": f'attachment; filename="{self.filename}"', "Repr-Digest": f"sha-256=:{encoded}:"}

    async def begun(self, blobs: BlobStore) -> AsyncIterator[bytes]:
        """`content` with its first frame checked, so that what is wrong from the beginning is a problem document."""
        frames = self.content(blobs)
        first = await anext(frames, b"")

        async def all_frames() -> AsyncIterator[bytes]:
            async with contextlib.aclosing(frames):
                yield first
                async for frame in frames:
                    yield frame

        return all_frames()

    async def content(self, blobs: BlobStore) -> AsyncGenerator[bytes, None]:
        """The bytes of the artifact, a frame at a time. Raises `errors.IntegrityError` where the blob was changed."""
        async with sealed_blobs.named(blobs, self.blob) as path:
            with await asyncio.to_thread(path.open, "rb") as source:
                frames = open_frames(source, self.key, self.blob)
                while (frame := await asyncio.to_thread(next, frames, None)) is not None:
                    yield frame
