"""Figure 8: verifying and rebuilding from the log against a bare loop that reads and decodes the same events."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Scale, at_least
from benchmarks.samples import spread
from common import ids, times
from common.jobs import repository as jobs
from common.records import verification
from common.records.repository import Decision, Repository
from common.runtime import Runtime, open_runtime
from common.settings import Settings

_EVENTS_EACH = 4
_TOGETHER = 500


def verification_and_rebuild(scale: Scale) -> Sequence[Figure]:
    """Events a second of `log verify` and of `log rebuild`."""
    return asyncio.run(_measured(scale))


async def _measured(scale: Scale) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="autolearn-bench-") as name:
        async with open_runtime(Settings(data=Path(name))) as runtime:
            records = jobs.repository(runtime, "training")
            await runtime.start()
            await _fill(records, scale.events // _EVENTS_EACH)
            assert runtime.relay
            while await runtime.log.last_position() < scale.events:
                await runtime.relay.ship()
            gc.collect()
            gc.freeze()  # as the platform does, for both sides
            verified, rebuilt, bare = list[float](), list[float](), list[float]()
            for number in range(scale.rounds):
                steps = [(verified, _verify), (rebuilt, _rebuild), (bare, _bare)]
                for rates, step in steps if number % 2 == 0 else reversed(steps):
                    began = time.perf_counter()
                    events = await step(runtime, records, number)
                    if events != scale.events:
                        raise RuntimeError(f"{step.__name__}: {events} events instead of {scale.events}")
                    rates.append(events / (time.perf_counter() - began))
    floor = spread(bare, "/s")
    return [
        at_least(f"8 {what} of {scale.events} events", spread(rates, "/s"), floor, _over(rates, bare), 0.3)
        for what, rates in (("verify", verified), ("rebuild", rebuilt))
    ]


def _over(ours: Sequence[float], floor: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, floor, strict=True)]


async def _fill(records: Repository, count: int) -> None:
    """Records of trainings as a platform leaves them, with tokens of the usual sizes."""
    for start in range(0, count, _TOGETHER):
        await asyncio.gather(*(_training(records) for _ in range(start, min(start + _TOGETHER, count))))


async def _training(records: Repository) -> None:
    job = ids.new_id("trn")
    queued: dict[str, Any] = {
        "session": "ses_figures",
        "dataset": "iris@1",
        "dataset_id": "ds_figures",
        "algorithm": "logistic_regression",
        "trace_id": "0" * 32,
        "created": times.now(),
        "attempt": 0,
        "sealed": {"request": "r" * 1_500},
    }
    record = await records.create(job, "training.queued", queued)
    started = {"attempt": 1, "started": times.now(), "sealed": {"attempt_key": "k" * 200}}
    record = await records.append(record, Decision("training.started", started))
    ended = {"ended": times.now(), "sealed": {"result": "r" * 3_000, "summary": "s" * 900}, "blobs": {"artifact": "a"}}
    record = await records.append(record, Decision("training.succeeded", ended))
    await records.append(record, Decision("training.committed", {"experiment": "exp_figures"}))


async def _verify(runtime: Runtime, records: Repository, _: int) -> int:
    found = await verification.verify([records], runtime.log, "training")
    if found.flaws:
        raise RuntimeError(f"flaws: {found.flaws[:3]}")
    return found.events


async def _rebuild(runtime: Runtime, records: Repository, number: int) -> int:
    async with runtime.rebuilt_store(f"figures-{number}") as store:
        found = await verification.rebuild([records], runtime.log, "training", store)
    if found.flaws:
        raise RuntimeError(f"flaws: {found.flaws[:3]}")
    return found.events


async def _bare(runtime: Runtime, _: Repository, __: int) -> int:
    """The floor: the standard library's SQLite and JSON, in the order of arrival."""
    path = runtime.settings.data / "events.db"
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT body FROM event WHERE kind = 'state' ORDER BY arrival")
        return sum(1 for (body,) in rows if json.loads(body))
    finally:
        connection.close()
