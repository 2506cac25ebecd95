"""The carried-in datasets: scikit-learn's five, uploaded once through the ordinary path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from catalog_service.handlers import Handlers
from catalog_service.tables import Tables
from catalog_service.uploads import Uploads
from common import context, errors, ids, logging
from common.contracts.datasets import UploadOptions

NAMES = ("iris", "wine", "breast_cancer", "diabetes", "digits")
_AGAIN, _AT_MOST = 15.0, 600.0  # seconds between tries
_log = logging.logger("catalog")


class Builtin:
    """Uploads what this installation has never had."""

    def __init__(self, handlers: Handlers, uploads: Uploads, tables: Tables) -> None:
        self._handlers, self._uploads, self._tables = handlers, uploads, tables
        handlers.datasets.coming.update(NAMES)

    async def run(self) -> None:
        """Upload each dataset whose id was never taken: one that was deleted stays deleted.

        What fails, as on a full disk, is tried again after longer and longer; until then the platform serves without.
        """
        missing, pause = list(NAMES), _AGAIN
        while missing := [name for name in missing if not await self._tried(name)]:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _AT_MOST)

    async def _tried(self, name: str) -> bool:
        try:
            with context.use(context.fresh()):
                await self._upload(name)
        except errors.AutoLearnError as error:
            _log.warning("a carried-in dataset is missing", dataset=name, code=error.code, detail=error.detail)
            return False
        finally:
            self._handlers.datasets.coming.discard(name)
        return True

    async def _upload(self, name: str) -> None:
        identifier = ids.derived_id("ds", "builtin", name)
        if await self._handlers.datasets.records.find(identifier) is not None:
            return
        async with (
            self._tables.builtin(name) as outcome,
            self._uploads.receive(_chunks(outcome.outputs["upload"])) as file,
        ):
            await self._handlers.upload(file, name, UploadOptions(), identifier=identifier)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1 << 20):
            yield chunk
