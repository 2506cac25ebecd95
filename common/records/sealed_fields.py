"""Sealed fields of any size: a token, or for a large value a token that names a sealed blob under the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common import errors
from common.ports.blob_store import BlobStore
from common.records import sealed_blobs
from common.records.sealing import DataKey


@dataclass(frozen=True)
class SealedFields:
    """By the names of the fields: `tokens` of all, and `blobs` that some of them need."""

    tokens: dict[str, str]
    blobs: dict[str, str]


async def seal(
    blobs: BlobStore, key: DataKey, subject: str, values: Mapping[str, Any], *, prefix: str, aside: bool = False
) -> SealedFields:
    """Seal the fields of `subject`; what is too large for a token is stored first, as the blob `PREFIX/FIELD`.

    `aside`: in another thread, for work that does this thousands of times while requests must be answered.
    """
    sealed = await asyncio.to_thread(_tokens, key, subject, values) if aside else _tokens(key, subject, values)
    for field in values.keys() - sealed.tokens.keys():
        name = sealed.blobs[field] = f"{prefix}/{field}"
        sealed.tokens[field] = key.seal(
            subject, field, await sealed_blobs.place(blobs, values[field], name, key.secret)
        )
    return sealed


async def open_field(blobs: BlobStore, key: DataKey, subject: str, field: str, token: str) -> Any:
    """The value of a token that `seal` has made; errors as `DataKey.open` and `sealed_blobs.read`."""
    return await sealed_blobs.fetch(blobs, key.open(subject, field, token), key.secret)


def _tokens(key: DataKey, subject: str, values: Mapping[str, Any]) -> SealedFields:
    """Tokens of the values that fit into one."""
    sealed = SealedFields({}, {})
    for field, value in values.items():
        try:
            sealed.tokens[field] = key.seal(subject, field, value)
        except errors.TooLarge:
            continue
    return sealed
