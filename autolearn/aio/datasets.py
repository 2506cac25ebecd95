"""Datasets of the catalogue."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from autolearn import files, frames
from autolearn.aio.pages import Pages
from autolearn.references import Named, segment
from autolearn.transport import Body, Transport
from common import errors
from common.contracts.datasets import DatasetVersion, Preview, Profile

if TYPE_CHECKING:
    import pandas as pd


class Datasets:
    """`c.datasets`: upload, look at and remove tables."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO | pd.DataFrame,
        name: str | None = None,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        header: bool | None = None,
        quote: str | None = None,
        decimal: str | None = None,
        missing: Iterable[str] | None = None,
        types: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
        timeout: float = 600.0,
    ) -> DatasetVersion:
        """Upload a file (path or open binary file) or a DataFrame; what is not told is detected.

        CSV and NDJSON, also compressed by gzip or zstd, Parquet and Arrow IPC: the first bytes tell.

        The name defaults to the file's without its suffix. The same content with the same options again is
        the version that is there already. `types` maps columns to `number integer category boolean datetime
        text`, `missing` are words to read as missing. `progress` hears how many bytes were sent, from 0
        again when the upload has to be repeated. Raises `errors.BadData` if the file is no table,
        `errors.UnsupportedMediaType` for a format that is not taken, `errors.TooLarge`, `OSError`.
        """
        told = dict(types or {})
        body, own_name, replayable, dtypes = _body(source)
        sent = functools.partial(_counted, body, progress) if progress else body
        name = name or own_name
        if not name:
            raise errors.BadRequest("a name is needed for a dataset that does not come from a named file")
        answer = await self._transport.send(
            "POST",
            "/v1/datasets",
            params={
                "name": name,
                "delimiter": delimiter,
                "encoding": encoding,
                "header": header,
                "quote": quote,
                "decimal": decimal,
                "missing": list(missing) if missing is not None else None,
                "type": [f"{column}={kind}" for column, kind in {**dtypes, **told}.items()],
            },
            content=sent,
            replayable=replayable,
            headers={"Content-Type": "application/octet-stream"},
            timeout=timeout,
        )
        return DatasetVersion.model_validate(self._transport.document(answer))

    def list(
        self, *, filter: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> Pages[DatasetVersion]:
        """Dataset versions, newest first unless sorted; `filter` such as `rows > 100 and name ~ "peng"`."""
        return Pages(
            self._transport,
            "/v1/datasets",
            DatasetVersion,
            limit=limit,
            params={"filter": filter, "sort": sort},
        )

    async def show(self, dataset: Named) -> DatasetVersion:
        """One version: `penguins` is the newest, `penguins@3` and `penguins@sha256:…` are exact."""
        return DatasetVersion.model_validate(await self._transport.get(f"/v1/datasets/{segment(dataset)}"))

    async def preview(self, dataset: Named, rows: int | None = None) -> Preview:
        """The first rows."""
        return Preview.model_validate(await self._transport.get(f"/v1/datasets/{segment(dataset)}/preview", rows=rows))

    async def profile(self, dataset: Named, target: str | None = None, *, timeout: float = 600.0) -> Profile:
        """Figures of every column, how columns go together, warnings; with `target`, what predicts it.

        The first time for a version and target this is computed. `errors.Invalid` for a target that is no column.
        """
        where = f"/v1/datasets/{segment(dataset)}/profile"
        answer = await self._transport.send("GET", where, params={"target": target}, timeout=timeout)
        return Profile.model_validate(self._transport.document(answer))

    async def report(
        self, dataset: Named, path: str | os.PathLike[str] | None = None, *, target: str | None = None
    ) -> Path:
        """Save the profile as one self-contained HTML page to `path` (default `<name>.html` here); gives the path."""
        version = await self.show(dataset)
        from autolearn import report

        page = report.html(version, await self.profile(version.id, target))
        saved = Path(path) if path else Path(f"{version.name}.html")
        await asyncio.to_thread(saved.write_text, page, "utf-8")
        return saved

    async def download(
        self, dataset: Named, path: str | os.PathLike[str] | None = None, *, format: str = "csv"
    ) -> Path:
        """Save the content as `csv`, `parquet` or `arrow` to `path` (default `<name>.<format>` here).

        Gives the path.
        """
        target = Path(path) if path else Path(f"{(await self.show(dataset)).name}.{format}")
        where = f"/v1/datasets/{segment(dataset)}/content"
        async with self._transport.stream(where, params={"format": format}) as answer:
            return await files.save(answer.aiter_bytes(), target)

    async def write(self, dataset: Named, file: BinaryIO, *, format: str = "csv") -> None:
        """Write the content as `csv`, `parquet` or `arrow` to an open binary file."""
        where = f"/v1/datasets/{segment(dataset)}/content"
        async with self._transport.stream(where, params={"format": format}) as answer:
            await files.copy(answer.aiter_bytes(), file)

    async def to_frame(self, dataset: Named) -> pd.DataFrame:
        """The content as a pandas DataFrame with its stored types."""
        where = f"/v1/datasets/{segment(dataset)}/content"
        async with self._transport.stream(where, params={"format": "parquet"}) as answer:
            return frames.from_parquet(await answer.aread())

    async def set_types(self, dataset: Named, types: Mapping[str, str]) -> DatasetVersion:
        """Read columns as other types; makes a new version of the same file."""
        answer = await self._transport.send(
            "PATCH",
            f"/v1/datasets/{segment(dataset)}",
            json={"columns": [{"name": column, "type": kind} for column, kind in types.items()]},
        )
        return DatasetVersion.model_validate(self._transport.document(answer))

    async def delete(self, dataset: Named, *, all: bool = False) -> None:
        """Delete one version, or all of a bare name with `all`.

        `errors.InUse` names what still refers to it.
        """
        await self._transport.send("DELETE", f"/v1/datasets/{segment(dataset)}", params={"all": True if all else None})


def _counted(body: Body, tell: Callable[[int], None]) -> AsyncIterator[bytes]:
    return files.counted(body(), tell)


def _body(
    source: str | os.PathLike[str] | BinaryIO | pd.DataFrame,
) -> tuple[Body, str | None, bool, dict[str, str]]:
    """The body, the name it suggests, whether it can be sent twice, and the types it states."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb"):
            pass  # a missing or unreadable file is reported before anything is sent
        return functools.partial(files.file_chunks, path), path.stem, True, {}
    if frames.is_frame(source):
        content, types = frames.to_csv(source)
        return functools.partial(files.single, content), None, True, types
    file: BinaryIO = source
    named = getattr(file, "name", None)
    stem = Path(named).stem if isinstance(named, str) and not named.startswith("<") else None
    return functools.partial(files.chunks, file), stem, False, {}
