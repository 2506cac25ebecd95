"""The event role: keeps the index of an event log that cannot look anything up, so that readers need not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from common import errors, logging
from common.ports.event_log import EventLog
from common.service import Loop

_IDLE = 30.0
_log = logging.logger("gateway")


def loops(log: EventLog, pause: float) -> Mapping[str, Loop]:
    """The loops of this role: one for a log with an index. It tries again after `pause` seconds while that is away."""

    async def index() -> None:
        away = False
        while True:
            try:
                await log.changed(await log.last_position(), _IDLE)  # looking for what is new indexes it
                if away:
                    _log.info("event log is indexed again")
                away = False
            except errors.AutoLearnError as error:
                if not away:
                    _log.warning("event log cannot be indexed", error=error.detail)
                away = True
                await asyncio.sleep(pause)

    return {"gateway.log": index} if log.indexed else {}
