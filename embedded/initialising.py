"""`python -m embedded --init`: makes what the processes of the distributed mode find there, once; for `admin init`."""

from __future__ import annotations

from common import errors
from common.records import installation
from common.runtime import open_runtime
from common.settings import SERVICES, Settings
from common.workers.needs import missing_engines
from embedded.process import BUILDERS


async def initialise(settings: Settings) -> list[str]:
    """Make master key, layout, collections with indexes, topics, queues and bucket where they are missing.

    What was made or found, a line each. Nothing that is there is changed. Errors as `open_runtime`, and
    `errors.Conflict` where an engine is one that only one process could use.
    """
    for lacking in missing_engines(settings):
        raise errors.Conflict(lacking)
    # As one process, which may make a master key where there is no data yet.
    alone = settings.model_copy(update={f"{name}_url": "" for name in SERVICES})
    async with open_runtime(alone, functions=()) as runtime:
        for build in BUILDERS:
            build(runtime)
        await installation.initialise(runtime.store)
        await runtime.store.ensure(*runtime.collections)
        return [
            f"master key: {settings.master_key or settings.data / 'master.key'} (keep a copy elsewhere)",
            f"record store: layout {installation.LAYOUT}, {len(runtime.collections)} collections",
            "event log, message bus and blob store: ready",
        ]
