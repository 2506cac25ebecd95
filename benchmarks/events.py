"""The event log in Kafka against bare loops of its driver: calls shipped, and read back.

The bare loops send and decode the same events as plain JSON, without headers, and know nothing of order or doubles.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.figure import Figure, Scale, at_least
from benchmarks.samples import spread
from common.adapters.event_log.kafka import KafkaPartitions
from common.adapters.event_log.kafka_url import KafkaUrl, parsed
from deploy.engines.kafka import Kafka

_BATCH = 2_000
"""Calls that the journal ships at once."""


def kafka(scale: Scale) -> Sequence[Figure]:
    """Calls a second, written and read; nothing where no Kafka runs (`python -m deploy.engines up kafka`)."""
    there = Kafka().running()
    gc.set_threshold(50_000, 20, 50)  # as servers do once they have started
    return asyncio.run(_measured(scale, f"{there['url']}&partitions=1&prefix=bench-{uuid4().hex}")) if there else []


async def _measured(scale: Scale, url: str) -> Sequence[Figure]:
    told = parsed(url)
    bare, topics = f"{told.prefix}.bare", [f"{told.prefix}.{name}" for name in ("bare", "state", "calls")]
    events = [_call(number) for number in range(scale.events // 2)]
    values = [json.dumps(event).encode() for event in events]
    admin = AIOKafkaAdminClient(bootstrap_servers=list(told.servers), **told.login)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(bare, 1, 1)])
        async with (
            KafkaPartitions(url) as log,
            AIOKafkaProducer(
                bootstrap_servers=list(told.servers), acks="all", enable_idempotence=True, **told.login
            ) as producer,
        ):

            async def ship() -> None:
                for start in range(0, len(events), _BATCH):
                    await log.append(events[start : start + _BATCH])

            async def send() -> None:
                for start in range(0, len(values), _BATCH):
                    sent = [await producer.send(bare, value) for value in values[start : start + _BATCH]]
                    await asyncio.gather(*sent)

            async def read() -> None:
                end = (await log.ends())["calls-0"]
                seen = 0
                async with aclosing(log.scan({"calls-0": end - len(events)}, {"calls-0": end})) as scanned:
                    async for batch in scanned:
                        seen += len(batch)
                assert seen == len(events)

            async def consume() -> None:
                await _consumed(told, bare, len(values))

            return [
                await _compared("calls shipped to Kafka", scale, len(events), ship, send),
                await _compared("calls read back from Kafka", scale, len(events), read, consume),
            ]
    finally:
        await admin.delete_topics(topics)
        await admin.close()


async def _consumed(told: KafkaUrl, topic: str, number: int) -> None:
    """The last records of a topic, decoded and dropped."""
    place = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=list(told.servers), **told.login) as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, end - number)
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=_BATCH)).values():
                for record in records:
                    json.loads(record.value)


def _call(number: int) -> dict[str, Any]:
    trace = f"{number:032x}"
    return {
        "specversion": "1.0",
        "id": f"evt_{number:032x}",
        "type": "autolearn.call.received.v1",
        "source": "training",
        "time": "2026-11-29T00:00:00.000Z",
        "actor": "local",
        "traceparent": f"00-{trace}-{number:016x}-01",
        "correlationid": trace,
        "causationid": "",
        "data": {
            "source": "client", "destination": "training", "kind": "http", "mode": "sync", "method": "GET",
            "route": "/v1/trainings/{reference}", "status": 200, "outcome": "ok", "seconds": 0.0012,
            "request": {"size": 0}, "answer": {"size": 812, "digest": "d" * 64},
        },
    }  # fmt: skip


async def _compared(
    what: str, scale: Scale, number: int, ours: Callable[[], Awaitable[Any]], floor: Callable[[], Awaitable[Any]]
) -> Figure:
    """Both in turn, so that what the machine does besides meets both."""
    rates: dict[Any, list[float]] = {ours: [], floor: []}
    for turn in range(scale.rounds):
        for step in (ours, floor) if turn % 2 else (floor, ours):
            began = time.perf_counter()
            await step()
            rates[step].append(number / (time.perf_counter() - began))
    ratios = [one / other for one, other in zip(rates[ours], rates[floor], strict=True)]
    return at_least(what, spread(rates[ours], "/s"), spread(rates[floor], "/s"), ratios, 0.5)
