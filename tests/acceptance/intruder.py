"""Somebody with the platform's own rights on its broker and its log, who does what nobody should do there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import parse_qs

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aiokafka import AIOKafkaProducer

from common.adapters.event_log.kafka_url import parsed

Result = TypeVar("Result")


class Intruder:
    """At the engines of a platform; `urls` by setting. Every call connects anew and is done when it returns."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._broker, _, told = urls["message_bus"].partition("?")
        self._prefix = parse_qs(told)["prefix"][0]
        self._log = parsed(urls["event_log"])

    def delete(self, *queues: str) -> None:
        """Delete queues, whoever listens to them."""

        async def do(channel: AbstractChannel) -> None:
            for queue in queues:
                await channel.queue_delete(f"{self._prefix}.{queue}")

        self._at_broker(do)

    def delete_exchange(self) -> None:
        """Delete the exchange at which bells are rung, and with it what is bound to it."""
        self._at_broker(lambda channel: channel.exchange_delete(f"{self._prefix}.bells"))

    def listeners(self, queue: str) -> int:
        """How many listen to a queue; none where there is no such queue."""

        async def ask(channel: AbstractChannel) -> int:
            try:
                found = await channel.declare_queue(f"{self._prefix}.{queue}", passive=True)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                return 0
            return found.declaration_result.consumer_count or 0

        return self._at_broker(ask)

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue."""

        async def ask(channel: AbstractChannel) -> int:
            found = await channel.declare_queue(f"{self._prefix}.{queue}", passive=True)
            return found.declaration_result.message_count or 0

        return self._at_broker(ask)

    def ring(self, kind: str, bodies: Iterable[bytes]) -> None:
        """Send messages as bells of a kind."""

        async def do(channel: AbstractChannel) -> None:
            exchange = await channel.get_exchange(f"{self._prefix}.bells")
            for body in bodies:
                await exchange.publish(aio_pika.Message(body), kind)

        self._at_broker(do)

    def refuse(self, queue: str, times: int, kind: str, bodies: Sequence[bytes]) -> None:
        """Take messages of a queue as its listeners do, and give every one back at once, until that was done often.

        Bells of this kind are sent again and again, for others take from the queue too.
        """

        async def do(channel: AbstractChannel) -> None:
            await channel.set_qos(prefetch_count=50)
            found = await channel.get_queue(f"{self._prefix}.{queue}")
            done, enough = 0, asyncio.Event()

            async def arrived(message: AbstractIncomingMessage) -> None:
                nonlocal done
                await message.reject(requeue=True)
                done += 1
                if done >= times:
                    enough.set()

            await found.consume(arrived)
            exchange = await channel.get_exchange(f"{self._prefix}.bells")
            async with asyncio.timeout(60):
                while not enough.is_set():
                    for body in bodies:
                        await exchange.publish(aio_pika.Message(body), kind)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.2):
                            await enough.wait()

        self._at_broker(do)

    def write(self, topic: str, values: Iterable[bytes | None]) -> None:
        """Write records to a topic of the log, as events that they are not."""

        async def do() -> None:
            async with AIOKafkaProducer(bootstrap_servers=list(self._log.servers), **self._log.login) as producer:
                for value in values:
                    headers = [("ce_id", b"x"), ("ce_type", b"training.queued")]
                    await producer.send_and_wait(f"{self._log.prefix}.{topic}", value, key=b"k", headers=headers)

        asyncio.run(do())

    def _at_broker(self, call: Callable[[AbstractChannel], Awaitable[Result]]) -> Result:
        async def do() -> Result:
            async with self._channel() as channel:
                return await call(channel)

        return asyncio.run(do())

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        connection: Any = await aio_pika.connect(self._broker)
        async with connection:
            yield await connection.channel()
