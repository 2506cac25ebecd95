"""Bells on their way to services: what says of nothing wakes nobody, and stops nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

from common.ports.message_bus import Bell
from tests.runtimes import light_runtime

_KINDS = ["training.queued", "key.destroyed", "session.ending"]


async def test_a_bell_without_the_id_that_its_kind_has_is_passed_over(tmp_path: Path) -> None:
    bells = [
        Bell("training.queued", {"job": "trn_1"}),
        Bell("key.destroyed", {"owner": "ses_1"}),
        Bell("session.ending", {"session": "ses_1"}),
    ]
    async with light_runtime(tmp_path) as light, light.listen("tests", "q", _KINDS, prefetch=1) as heard:
        for bell in bells:
            await light.bus.publish(Bell(bell.kind, {"other": "x"}))
            await light.bus.publish(bell)
            async with asyncio.timeout(5):
                delivery = await anext(heard)
            assert delivery.bell == bell
            await delivery.ack()
