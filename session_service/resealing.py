"""Sealing again: what a session's key has sealed is opened and sealed under the key of an experiment.

Artifacts and other blobs stay as they are, under the keys of their attempts; only those 32 bytes are sealed again.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Mapping
from typing import Any

from common.ports.blob_store import BlobStore
from common.records import sealed_blobs, sealed_fields
from common.records.sealing import DataKey

State = Mapping[str, Any]
_OF_TRAINING = ("request", "result", "summary", "attempt_key")
_PLAIN = ("dataset", "dataset_id", "algorithm", "created", "trace_id")


class Resealing:
    """From the key of one session, for one of its commits."""

    def __init__(self, blobs: BlobStore, key: DataKey, commit: str) -> None:
        self._blobs, self._key, self._commit = blobs, key, commit

    async def experiment(
        self, target: DataKey, training: str, state: State, evaluations: Iterable[tuple[str, State]], tags: list[str]
    ) -> dict[str, Any]:
        """The document that storage takes: plain fields, tokens under `target`, names of blobs, and that key itself.

        Evaluations are one value: as many as there may be, they make one token, or one sealed blob that it names.
        """
        found = list(evaluations)
        # Ciphers in another thread: of thousands they take seconds, in which requests must be answered.
        opened, listed = await asyncio.to_thread(self._opened, training, state, found)
        for one in (opened, *listed):
            one["request"] = await sealed_blobs.fetch(self._blobs, one["request"], self._key.secret)
        prefix = f"storage/{target.owner}/{self._commit}"
        sealed = await sealed_fields.seal(self._blobs, target, training, opened, prefix=prefix, aside=True)
        own = {"evaluations": listed, "annotations": {"tags": tags, "note": None}}
        about = await sealed_fields.seal(self._blobs, target, target.owner, own, prefix=prefix, aside=True)
        blobs = {kind: blob for kind, blob in state.get("blobs", {}).items() if kind in ("artifact", "result")}
        blobs |= sealed.blobs | about.blobs
        blobs |= {f"result_{job}": one["blobs"]["result"] for job, one in found if "result" in one.get("blobs", {})}
        return {
            "training": training,
            "evaluations": [job for job, _ in found],
            **{field: state[field] for field in _PLAIN if state.get(field) is not None},
            "sealed": sealed.tokens | about.tokens,
            "blobs": blobs,
            "key": base64.b64encode(target.secret).decode(),
        }

    def _opened(
        self, training: str, state: State, found: Iterable[tuple[str, State]]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        opened = {name: self._open(training, state, name) for name in _OF_TRAINING}
        return opened, [self._evaluation(job, one) for job, one in found]

    def _evaluation(self, job: str, state: State) -> dict[str, Any]:
        plain = {
            name: state[name] for name in ("created", "ended", "dataset", "trace_id") if state.get(name) is not None
        }
        return {"id": job, **plain, **{name: self._open(job, state, name) for name in _OF_TRAINING}}

    def _open(self, job: str, state: State, name: str) -> Any:
        return self._key.open(job, name, state["sealed"][name])
