"""Topics of a test on a real Kafka: a prefix of its own, and gone afterwards, or the broker has thousands to open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from common.adapters.event_log.kafka_url import parsed
from tests import engines


@asynccontextmanager
async def admin(url: str) -> AsyncIterator[Any]:
    """The driver's client for topics."""
    told = parsed(url)
    client = AIOKafkaAdminClient(bootstrap_servers=list(told.servers), **told.login)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def own_topics() -> AsyncIterator[str]:
    """The URL of a log that nobody else uses."""
    url = engines.own("kafka")
    yield url
    async with admin(url) as client:
        await client.delete_topics([f"{parsed(url).prefix}.{name}" for name in ("state", "calls")])
