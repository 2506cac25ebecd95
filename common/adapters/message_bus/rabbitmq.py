"""The message bus on RabbitMQ: a topic exchange, and one quorum queue for each name that somebody subscribes to.

Queues are durable and replicated (quorum), publishes are confirmed, a bell that was rejected too often goes to the
dead-letter exchange. Written for RabbitMQ 3.10 and 4: per-consumer prefetch, nothing transient, an own delivery limit.
"""

from __future__ import annotations

import asyncio
import json
import logging as stdlib_logging
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    AbstractRobustChannel,
    AbstractRobustConnection,
)
from aiormq.exceptions import AMQPError

from common import errors, logging
from common.ports.message_bus import Bell, Delivery, MessageBus

Result = TypeVar("Result")

_FAILURES = (AMQPError, OSError, TimeoutError, asyncio.InvalidStateError, RuntimeError)
"""What the driver raises over a broker or a connection that has gone; a closed channel is a RuntimeError."""
_TIMEOUT = 5.0
"""Seconds that one answer of the broker may take; a frozen one answers never."""
_HEARTBEAT = 10
_LENGTH = 10_000
_DELIVERIES = 5
_IDLE = 3_600_000
"""Milliseconds after which a queue nobody has subscribed to goes: the sweep finds what its bells were rung for."""
_RENEWAL = 10.0
"""Seconds after which subscribers say again what they want."""
_NOBODYS = Bell("reach", {})
_LARGEST = 1_000
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""What kinds and ids are made of, and how large a message with them may be."""
_log = logging.logger("message_bus")


class RabbitMessageBus(MessageBus):
    """`amqp://USER:PASSWORD@HOST:PORT/VHOST?prefix=NAME`; the prefix begins every name on the broker, `autolearn`
    unless told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        told = parse_qs(parts.query)
        self._prefix = told.pop("prefix", ["autolearn"])[-1]
        if told:
            raise errors.Invalid(
                f"{parts.scheme}: knows no {', '.join(sorted(told))}; only prefix=NAME may follow the ?"
            )
        self._url = urlunsplit(parts._replace(query=""))
        self._where = f"{parts.hostname}:{parts.port or 5672}"  # what may be shown: the URL holds a password
        self._connection: AbstractRobustConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._subscriptions: set[_Subscription] = set()

    async def open(self) -> None:
        for driver in ("aio_pika", "aiormq"):  # they log every try to connect, with traces; what it means is said here
            stdlib_logging.getLogger(driver).setLevel(stdlib_logging.CRITICAL + 1)

        async def connect() -> None:
            self._connection = await aio_pika.connect_robust(
                self._url, timeout=_TIMEOUT, heartbeat=_HEARTBEAT, reconnect_interval=1
            )
            self._connection.close_callbacks.add(self._lost)
            self._connection.reconnect_callbacks.add(self._found_again)
            channel = await self._connection.channel(publisher_confirms=True)
            dead = await channel.declare_exchange(f"{self._prefix}.dead", aio_pika.ExchangeType.FANOUT, durable=True)
            kept = await channel.declare_queue(
                f"{self._prefix}.dead", durable=True, arguments=self._arguments(dead=True)
            )
            await kept.bind(dead)
            self._exchange = await self._bells(channel)

        try:
            await self._asked(connect())
        except BaseException:  # a cancellation too must leave no connection behind
            await self.close()
            raise

    async def _bells(self, channel: AbstractChannel) -> AbstractExchange:
        return await channel.declare_exchange(f"{self._prefix}.bells", aio_pika.ExchangeType.TOPIC, durable=True)

    async def close(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        for subscription in self._subscriptions:
            subscription.end()
        if connection is not None:
            with suppress(*_FAILURES):
                async with asyncio.timeout(_TIMEOUT):
                    await connection.close()

    def _lost(self, *_: object) -> None:
        if self._connection is not None:
            _log.warning("broker is away, sweeps do what bells would", bus=self._where)

    def _found_again(self, *_: object) -> None:
        _log.info("broker is back", bus=self._where)

    async def publish(self, bell: Bell) -> None:
        exchange = self._exchange
        if exchange is None:
            raise self._away("is not open")
        message = aio_pika.Message(
            json.dumps({"kind": bell.kind, "ids": dict(bell.ids)}).encode(),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._asked(exchange.publish(message, bell.kind, mandatory=False, timeout=_TIMEOUT))

    async def reach(self) -> None:
        await self.publish(_NOBODYS)  # confirmed although no queue wants it

    @asynccontextmanager
    async def subscribe(
        self, queue: str, kinds: Sequence[str], *, prefetch: int = 1
    ) -> AsyncIterator[AsyncIterator[Delivery]]:
        if not kinds or isinstance(kinds, str):
            raise ValueError("a subscription names the kinds of bells it wants")
        connection = self._connection
        if connection is None:
            raise self._away("is not open")
        subscription = _Subscription(self._where)

        async def begin() -> tuple[AbstractRobustChannel, AbstractQueue]:
            # A channel for each: its prefetch is its own, and closing it gives back what is unsettled.
            channel: Any = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=prefetch)
            declared = await channel.declare_queue(f"{self._prefix}.{queue}", durable=True, arguments=self._arguments())
            await self._bind(channel, declared, kinds)
            await declared.consume(subscription.arrived)
            return channel, declared

        channel, declared = await self._asked(begin())
        self._subscriptions.add(subscription)
        renewing = asyncio.create_task(self._renew(channel, declared, kinds))
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with suppress(*_FAILURES):
                async with asyncio.timeout(_TIMEOUT):
                    await channel.close()

    async def _bind(self, channel: AbstractChannel, queue: AbstractQueue, kinds: Sequence[str]) -> None:
        exchange = await self._bells(channel)
        for kind in kinds:
            await queue.bind(exchange, kind)

    async def _renew(self, channel: AbstractChannel, queue: AbstractQueue, kinds: Sequence[str]) -> None:
        """Say again and again what is wanted: the driver notices a queue that was deleted, but no exchange or binding,
        and makes good neither."""
        while True:
            await asyncio.sleep(_RENEWAL)
            with suppress(errors.Unavailable):  # said where a bell cannot be rung
                await self._asked(self._bind(channel, queue, kinds))

    def _arguments(self, *, dead: bool = False) -> dict[str, Any]:
        told: dict[str, Any] = {"x-queue-type": "quorum", "x-max-length": _LENGTH}
        if dead:
            return {**told, "x-overflow": "drop-head"}
        return {
            **told,
            "x-overflow": "reject-publish",
            "x-delivery-limit": _DELIVERIES,
            "x-dead-letter-exchange": f"{self._prefix}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-expires": _IDLE,
        }

    def _away(self, why: str) -> errors.Unavailable:
        return errors.Unavailable(f"the message bus at {self._where} {why}")

    async def _asked(self, call: Awaitable[Result]) -> Result:
        """The answer of the broker; what the driver raises becomes ours."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await call
        except _FAILURES as error:
            raise self._away(f"does not answer: {error or type(error).__name__}") from error
        except asyncio.CancelledError as error:
            # The driver cancels its callers when a heartbeat is lost; only a task that is being cancelled has to end.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self._away("went away") from error


class _Subscription(AsyncIterator[Delivery]):
    """What has arrived, at most `prefetch` of it unsettled, because the broker sends no more."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._ended = False

    async def arrived(self, message: AbstractIncomingMessage) -> None:
        """Called by the driver."""
        self._arrived.put_nowait(message)

    def end(self) -> None:
        """Nothing comes any more; who waits is told."""
        self._ended = True
        self._arrived.put_nowait(None)

    async def __anext__(self) -> Delivery:
        while not self._ended:
            message = await self._arrived.get()
            if message is None:
                break
            bell = _decoded(message.body)
            if bell is not None:
                return _RabbitDelivery(bell, message, self._where)
            _log.error("message is no bell, put aside", queue=message.routing_key)
            await _RabbitDelivery(Bell("", {}), message, self._where).settle(message.nack(requeue=False))
        raise StopAsyncIteration


class _RabbitDelivery(Delivery):
    def __init__(self, bell: Bell, message: AbstractIncomingMessage, where: str) -> None:
        self.bell, self._message, self._where, self._settled = bell, message, where, False

    async def ack(self) -> None:
        if not self._settled:
            await self.settle(self._message.ack())

    async def reject(self) -> None:
        if not self._settled:
            await self.settle(self._message.nack(requeue=True))

    async def settle(self, answer: Awaitable[None]) -> None:
        """Tell the broker. On a connection that has gone nothing can be told: it delivers again."""
        self._settled = True
        try:
            await answer
        except _FAILURES as error:
            _log.warning("bell not settled, it comes again", bus=self._where, error=str(error) or type(error).__name__)


def _decoded(body: bytes) -> Bell | None:
    """The bell in a message; None for anything else, since ids become parts of paths and of what is logged."""
    try:
        told: Any = json.loads(body) if len(body) <= _LARGEST else None
        bell = Bell(told["kind"], dict(told["ids"]))
        right = _WORD.fullmatch(bell.kind) and all(
            _WORD.fullmatch(name) and _WORD.fullmatch(value) for name, value in bell.ids.items()
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return bell if right else None
