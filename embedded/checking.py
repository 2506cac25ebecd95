"""`python -m embedded --check`: looks at a data folder on which nothing runs, for `autolearn doctor`."""

from __future__ import annotations

from common import errors
from common.runtime import open_runtime
from common.settings import Settings


async def complaints(settings: Settings) -> list[str]:
    """What is wrong with the folder, each with what to do; nothing when a platform that runs answers for it itself."""
    found = []
    try:
        async with open_runtime(settings) as runtime:
            for port in (runtime.store, runtime.log, runtime.blobs):
                try:
                    await port.check()
                except errors.AutoLearnError as error:
                    found.append(error.detail)
    except errors.Conflict:
        return []
    except errors.AutoLearnError as error:
        found.append(error.detail)
    return found
