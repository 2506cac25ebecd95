"""The record store in MongoDB against a bare loop of the driver that sends the same commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from pymongo import AsyncMongoClient

from benchmarks.figure import Figure, Scale, at_most
from benchmarks.samples import spread
from common.adapters import registry
from common.filtering.sorting import SortKey
from common.ports.record_store import Collection, Record, RecordStore
from deploy.engines.mongo import Mongo

_COLLECTION = Collection("measured", indexes=(("state.created",),))
_RECORDS, _PAGE = 1_000, 50
_STATE = {"algorithm": "svm", "tags": ["a", "b"], "measures": {"f1": 0.5, "accuracy": 0.75}, "sealed": "r" * 1_500}
_EVENT = {"id": "evt_1", "type": "autolearn.training.started.v1", "data": {"sealed": "r" * 1_500}}


def mongo(scale: Scale) -> Sequence[Figure]:
    """A compare-and-set and a page; nothing where no MongoDB runs (`python -m deploy.engines up mongo`)."""
    there = Mongo().running()
    return asyncio.run(_measured(scale, str(there["url"]))) if there else []


async def _measured(scale: Scale, url: str) -> Sequence[Figure]:
    database = f"bench-{uuid4().hex}"
    url = f"{url.rpartition('/')[0]}/{database}"
    figures = []
    async with AsyncMongoClient[dict[str, Any]](url, w="majority", journal=True) as client:
        bare = client[database]["bare"]
        try:
            await bare.create_index([("state.created", 1), ("_id", 1)])
            await bare.insert_many([{"_id": f"r{n}", "version": 0, "state": _state(n)} for n in range(_RECORDS)])

            async def set_bare(number: int) -> None:
                await bare.update_one(
                    {"_id": f"r{number % _RECORDS}", "version": number // _RECORDS},
                    {"$set": {"state": _state(number)}, "$inc": {"version": 1}, "$push": {"outbox": _EVENT}},
                )

            async def page_bare(_: int) -> None:
                await bare.find({"state.created": {"$ne": None}}).sort([("state.created", -1)]).limit(_PAGE).to_list()

            for driver in ("motor", "pymongo"):
                async with registry.record_store(f"{url}?driver={driver}") as store:
                    steps = await _ours(store)
                    for what, ours, floor in (
                        ("compare-and-set", steps[0], set_bare),
                        ("page of 50", steps[1], page_bare),
                    ):
                        figures.append(await _compared(f"mongo {what}, {driver}", scale, ours, floor))
                await client[database].drop_collection(_COLLECTION.name)
                await bare.update_many({}, {"$set": {"version": 0, "outbox": []}})
        finally:
            await client.drop_database(database)
    return figures


def _state(number: int) -> dict[str, Any]:
    return {**_STATE, "created": f"2026-11-{number % 28 + 1:02}T00:00:00Z", "number": number}


async def _ours(store: RecordStore) -> tuple[Callable[[int], Awaitable[Any]], Callable[[int], Awaitable[Any]]]:
    await store.ensure(_COLLECTION)
    await store.insert_many(_COLLECTION.name, [Record(f"r{n}", 0, "", _state(n)) for n in range(_RECORDS)])

    async def set_ours(number: int) -> None:
        identifier, version = f"r{number % _RECORDS}", number // _RECORDS
        await store.append(
            _COLLECTION.name,
            identifier,
            expected_version=version,
            state=_state(number),
            head="h" * 64,
            event=_EVENT,
            envelope_set={"time": "2026-11-29T00:00:00Z"},
        )

    async def page_ours(_: int) -> None:
        await store.find(_COLLECTION.name, sort=[SortKey("state.created", descending=True)], limit=_PAGE)

    return set_ours, page_ours


async def _compared(
    what: str, scale: Scale, ours: Callable[[int], Awaitable[Any]], floor: Callable[[int], Awaitable[Any]]
) -> Figure:
    """Both in turn, one call after the other, so that what the machine does besides meets both."""
    took: dict[Any, list[float]] = {ours: [], floor: []}
    each = scale.repetitions * 3
    for number in range(scale.rounds):
        for step in (ours, floor) if number % 2 else (floor, ours):
            began = time.perf_counter()
            for one in range(number * each, (number + 1) * each):
                await step(one)
            took[step].append((time.perf_counter() - began) / each * 1_000)
    ratios = [one / other for one, other in zip(took[ours], took[floor], strict=True)]
    return at_most(what, spread(took[ours], " ms"), spread(took[floor], " ms"), ratios, 2)
