"""Experiments: what was committed and stays."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from autolearn import files
from autolearn.aio.pages import Pages
from autolearn.references import Named, reference, segment
from autolearn.transport import Transport
from common.contracts.experiments import Experiment
from common.contracts.sessions import Comparison


class Experiments:
    """`c.experiments`: find, compare, annotate and export."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, filter: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> Pages[Experiment]:
        """Experiments, newest first unless sorted (`-measures.f1`: best first).

        `filter` over `name tags dataset target task algorithm created committed measures.*`.
        """
        return Pages(
            self._transport,
            "/v1/experiments",
            Experiment,
            limit=limit,
            params={"filter": filter, "sort": sort},
        )

    async def show(self, experiment: Named) -> Experiment:
        """One experiment, completely."""
        return Experiment.model_validate(await self._transport.get(f"/v1/experiments/{segment(experiment)}"))

    async def compare(self, *experiments: Named) -> Comparison:
        """Several experiments side by side, in this order."""
        ids = ",".join(reference(each) for each in experiments)
        return Comparison.model_validate(await self._transport.get("/v1/experiments:compare", ids=ids))

    async def tag(
        self, experiment: Named, *tags: str, remove: Iterable[str] = (), etag: str | None = None
    ) -> Experiment:
        """Add tags, and remove those in `remove`.

        Somebody else's change in between is `errors.PreconditionFailed`.
        """
        now = await self.show(experiment)
        gone = set(remove)
        wanted = [tag for tag in dict.fromkeys([*now.tags, *tags]) if tag not in gone]
        return await self._change(now, {"tags": wanted}, etag)

    async def note(self, experiment: Named, text: str | None, *, etag: str | None = None) -> Experiment:
        """Replace the note. Somebody else's change in between is `errors.PreconditionFailed`."""
        return await self._change(await self.show(experiment), {"note": text}, etag)

    async def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: str = "json",
        filter: str | None = None,
        sort: str | None = None,
    ) -> Path:
        """Save all experiments (or those that `filter` selects) as `json` or `csv`; gives the path."""
        params = {"format": format, "filter": filter, "sort": sort}
        async with self._transport.stream("/v1/experiments:export", params=params) as answer:
            return await files.save(answer.aiter_bytes(), Path(path))

    async def write(
        self, file: BinaryIO, *, format: str = "json", filter: str | None = None, sort: str | None = None
    ) -> None:
        """Write what `export` saves to an open binary file."""
        params = {"format": format, "filter": filter, "sort": sort}
        async with self._transport.stream("/v1/experiments:export", params=params) as answer:
            await files.copy(answer.aiter_bytes(), file)

    async def artifact(self, experiment: Named, path: str | os.PathLike[str]) -> Path:
        """Save the trained model (skops format) to `path`, checked against its digest."""
        said = await self.show(experiment)
        digest = ((said.result or {}).get("artifact") or {}).get("digest")
        async with self._transport.stream(f"/v1/experiments/{segment(said)}/artifact") as answer:
            return await files.save(answer.aiter_bytes(), Path(path), digest=digest)

    async def onnx(self, experiment: Named, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Convert the trained model to ONNX here, compare the two on the rows held out, and write it to `path`.

        Gives what was compared. Errors as `autolearn.aio.onnx.export`.
        """
        from autolearn.aio import onnx

        said = await self.show(experiment)
        save = functools.partial(self.artifact, said)
        return await onnx.export(self._transport, said.request, said.result, save, path)

    async def _change(self, now: Experiment, change: dict[str, Any], etag: str | None) -> Experiment:
        answer = await self._transport.send(
            "PATCH", f"/v1/experiments/{segment(now)}", json=change, headers={"If-Match": etag or now.etag}
        )
        return Experiment.model_validate(self._transport.document(answer))
