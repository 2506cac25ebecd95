"""What real engines do to their adapters: they die, freeze, come back, and hold what is no message of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pymongo
import pytest

from common import errors
from common.adapters import registry
from common.adapters.event_log.kafka import KafkaPartitions
from common.adapters.message_bus import rabbitmq
from common.ports.message_bus import Bell, MessageBus
from deploy.engines.__main__ import ENGINES
from tests import engines
from tests.eventually import until
from tests.proxy import Proxy, through

pytestmark = pytest.mark.external
_NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("build", "url"),
    [
        (registry.message_bus, f"amqp://autolearn:secret@{_NOWHERE}/"),
        (registry.blob_store, f"s3+http://autolearn:secret@{_NOWHERE}/bucket"),
        (registry.record_store, f"mongodb://autolearn:secret@{_NOWHERE}/db"),
        (registry.record_store, f"mongodb://autolearn:secret@{_NOWHERE}/db?driver=pymongo"),
        (KafkaPartitions, f"kafka://autolearn:secret@{_NOWHERE}"),
    ],
)
async def test_an_engine_that_is_away_is_named_without_its_password(build: Callable[[str], object], url: str) -> None:
    port = build(url)
    with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1") as caught:
        await port.open()  # type: ignore[attr-defined]
    assert "secret" not in str(caught.value)


async def test_a_database_of_another_layout_is_refused() -> None:
    url = engines.own("mongo")
    async with pymongo.AsyncMongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        try:
            async with registry.record_store(url) as store:
                await store.ensure()
                await database["layout"].update_one({"_id": "records"}, {"$inc": {"version": 1}})
                with pytest.raises(errors.IntegrityError, match=r"layout 2, .* reads 1"):
                    await store.ensure()
        finally:
            await client.drop_database(database.name)


async def test_a_wrong_secret_is_refused() -> None:
    scheme, rest = engines.own("s3").split("://")
    with pytest.raises(errors.Unavailable):
        await registry.blob_store(f"{scheme}://autolearn:wrong@{rest.partition('@')[2]}").open()


async def test_a_bucket_that_is_not_there_is_named() -> None:
    where = engines.url("s3").rpartition("/")[0]
    with pytest.raises(errors.Unavailable, match=r"there is no bucket .*/nobody-made-it; make it"):
        await registry.blob_store(f"{where}/nobody-made-it").open()


NO_BELLS = [
    b"no json",
    b"[]",
    b"[" * 900,
    b'{"kind": "x"}',
    b'{"kind": "training.queued", "ids": {"job": 7}}',
    b'{"kind": "training.queued", "ids": {"job": "../keys/x"}}',
    b'{"kind": "training.queued", "ids": {"job": "\\ud800"}}',
    b'{"kind": "training.queued", "ids": {"job": "%s"}}' % (b"x" * 100_000),
]


async def test_what_is_no_bell_is_put_aside_and_the_next_comes() -> None:
    url = engines.own("rabbitmq")
    prefix = url.partition("prefix=")[2]
    async with (
        registry.message_bus(url) as bus,
        bus.subscribe("q", ["training.queued"]) as deliveries,
        await aio_pika.connect(url.partition("?")[0]) as connection,
    ):
        channel = await connection.channel()
        exchange = await channel.get_exchange(f"{prefix}.bells")
        for body in NO_BELLS:
            await exchange.publish(aio_pika.Message(body), "training.queued")
        bell = Bell("training.queued", {"training": "trn_1"})
        await bus.publish(bell)
        async with asyncio.timeout(10):
            assert (await anext(deliveries)).bell == bell
        aside = await channel.get_queue(f"{prefix}.dead")
        assert {await _body(aside) for _ in NO_BELLS} == set(NO_BELLS)


async def _body(queue: aio_pika.abc.AbstractQueue) -> bytes:
    async def look() -> aio_pika.abc.AbstractIncomingMessage | None:
        return await queue.get(fail=False, no_ack=True)

    return (await until(look, 10)).body


@pytest.mark.parametrize("what", ["queue", "exchange"])
async def test_what_is_deleted_on_the_broker_is_made_again(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq, "_RENEWAL", 0.2)
    url = engines.own("rabbitmq")
    prefix = url.partition("prefix=")[2]
    bell = Bell("training.queued", {"training": "trn_1"})
    async with (
        registry.message_bus(url) as bus,
        bus.subscribe("q", ["training.queued"]) as deliveries,
        await aio_pika.connect(url.partition("?")[0]) as connection,
    ):
        channel = await connection.channel()
        if what == "queue":
            await channel.queue_delete(f"{prefix}.q")
        else:
            await channel.exchange_delete(f"{prefix}.bells")
        heard = asyncio.ensure_future(anext(deliveries))

        async def rung() -> bool:
            try:
                await bus.publish(bell)
            except errors.Unavailable:
                return False
            return heard.done()

        await until(rung, 30)
        assert heard.result().bell == bell


async def test_a_bell_comes_again_when_the_connection_breaks_before_it_is_settled() -> None:
    url = engines.own("rabbitmq")
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    bell = Bell("training.queued", {"training": "trn_1"})
    async with (
        proxy.running(),
        registry.message_bus(through("rabbitmq", url, proxy.host, proxy.port)) as bus,
        bus.subscribe("q", ["training.queued"]) as deliveries,
    ):
        await bus.publish(bell)
        for _ in range(2):
            async with asyncio.timeout(20):
                delivery = await anext(deliveries)
            assert delivery.bell == bell
            proxy.reset()
        await until(lambda: _reached(bus), 20)
        await delivery.ack()  # of a connection that has gone: nothing is told, and nothing raised


async def _reached(bus: MessageBus) -> bool:
    try:
        await bus.reach()
    except errors.Unavailable:
        return False
    return True


async def test_a_broker_that_freezes_is_away_and_heals_without_a_restart() -> None:
    url = engines.own("rabbitmq")
    there = ENGINES["rabbitmq"]().running()
    if there is None or str(there["url"]) not in url:
        pytest.skip("this broker is not ours to freeze")
    bell = Bell("training.queued", {"training": "trn_1"})
    async with registry.message_bus(url) as bus, bus.subscribe("q", ["training.queued"]) as deliveries:
        with engines.frozen(there["pid"]), pytest.raises(errors.Unavailable):
            await bus.publish(bell)

        async def rung() -> bool:
            try:
                await bus.publish(bell)
            except errors.Unavailable:
                return False
            return True

        await until(rung, 30)
        async with asyncio.timeout(10):
            assert (await anext(deliveries)).bell == bell
