"""The files of a task, as its function sees them in the child process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from common import errors
from common.adapters.task_runner.work_folders import OUTPUTS
from common.records.frames import FrameWriter, open_bytes

_PROGRESS_EVERY = 0.05
_LINE = 4096  # PIPE_BUF: a line up to this size is written wholly or not at all, by however many threads


class ChildFiles:
    """`TaskFiles` over a work folder: outputs get a temporary name, are flushed to disk, then renamed."""

    def __init__(self, job: Mapping[str, Any], folder: Path, progress: int) -> None:
        self._job = job
        self._key = bytes.fromhex(job["key"])
        self._outputs = folder / OUTPUTS
        self._channel = progress
        self._told = ("", 0.0)
        os.set_blocking(progress, False)

    def input(self, name: str) -> Path:
        return Path(self._named("inputs", name))

    def read(self, name: str) -> bytes:
        path, key, blob = self._named("sealed_inputs", name)
        with Path(path).open("rb") as source:
            return open_bytes(source, bytes.fromhex(key), blob)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        with sealed_file(self._outputs / name, self._key, self._named("sealed_outputs", name)) as writer:
            yield writer

    def output_path(self, name: str) -> Path:
        if name not in self._job["plain_outputs"]:
            raise errors.Internal(f"the task has no plain output called {name!r}")
        return self._outputs / name

    def progress(self, step: str, fraction: float | None = None, message: str = "") -> None:
        last_step, last_time = self._told
        now = time.monotonic()
        if step == last_step and now - last_time < _PROGRESS_EVERY and fraction != 1:
            return
        self._told = (step, now)
        told = {"step": step[:200], "fraction": fraction, "message": message[:400]}
        line = json.dumps(told).encode() + b"\n"
        try:
            if len(line) <= _LINE:
                os.write(self._channel, line)
        except BlockingIOError:
            return  # nobody reads at the moment; the next one will do

    def _named(self, kind: str, name: str) -> Any:
        found = self._job[kind].get(name)
        if found is None:
            raise errors.Internal(f"the task has nothing called {name!r} among its {kind}")
        return found


@contextmanager
def sealed_file(path: Path, key: bytes, blob: str, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A stream sealed for `blob` that becomes the file `path` when the block ends without an exception."""
    temporary = path.with_name(f"{path.name}.temporary")
    with temporary.open("wb") as target:
        with FrameWriter(target, key, blob) as writer:
            yield cast(BinaryIO, writer)
        target.flush()
        if durable:  # here, so that whoever moves the file into the blob store does not wait for the disk
            os.fsync(target.fileno())
    temporary.rename(path)
