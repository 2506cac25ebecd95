"""What a real Kafka does to its adapter: it freezes, dies, loses topics, and holds what is no event of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from common import errors
from common.adapters import registry
from common.adapters.event_log.kafka_url import parsed
from common.ports.event_log import EventLog
from deploy.engines.__main__ import ENGINES
from tests import engines
from tests.contract.kafka_topics import admin, own_topics
from tests.contract.test_event_log import call, histories, state
from tests.eventually import until
from tests.second_broker import SECOND, SecondBroker

pytestmark = pytest.mark.external


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with own_topics() as found:
        yield found


@pytest.fixture
async def log(url: str, tmp_path: Path) -> AsyncIterator[EventLog]:
    async with (
        registry.record_store(f"sqlite://{tmp_path}/index.db") as store,
        registry.event_log(url, store) as opened,
    ):
        yield opened


@pytest.fixture
def broker(url: str) -> psutil.Process:
    """The broker's process, if it is one that may be harmed."""
    there = ENGINES["kafka"]().running()
    if there is None or not url.startswith(str(there["url"])):
        pytest.skip("this Kafka is not ours to harm")
    return psutil.Process(there["pid"])


async def refused_soon(asked: Awaitable[object], seconds: float = 12.0) -> None:
    """It is refused as away, in a bounded time."""
    begun = time.monotonic()
    with pytest.raises(errors.Unavailable):
        await asked
    assert time.monotonic() - begun < seconds


async def taken(log: EventLog, *events: dict[str, Any]) -> bool:
    try:
        await log.append(events)
    except errors.Unavailable:
        return False
    return True


async def test_a_broker_that_freezes_is_away_and_what_it_took_counts_once(
    log: EventLog, broker: psutil.Process
) -> None:
    await log.append([state("a", 1)])
    with engines.frozen(broker.pid):
        # It is on the wire, and the broker takes it when it wakes; whoever sent it cannot know.
        await refused_soon(log.append([state("a", 2), call("c1")]))
        await refused_soon(log.read(limit=5))
        await refused_soon(log.changed(5, 0.1))
    await until(lambda: taken(log, state("a", 2), call("c1"), state("a", 3)), 30)
    assert await histories(log) == {"a": [1, 2, 3]}
    assert sorted(entry.event["id"] for entry in await log.read(limit=10)) == ["c1", "evt_a_1", "evt_a_2", "evt_a_3"]


async def test_a_broker_that_is_killed_comes_back_with_everything(
    log: EventLog, broker: psutil.Process, url: str, tmp_path: Path
) -> None:
    events = [state(f"r{n % 5}", n // 5 + 1) for n in range(50)]
    await log.append(events)
    broker.kill()
    broker.wait(10)
    try:
        await refused_soon(log.append([state("z", 1)]))
        await refused_soon(log.last_position())
        async with registry.record_store(f"sqlite://{tmp_path}/other.db") as store:
            await refused_soon(registry.event_log(url, store).open())
    finally:
        subprocess.run([sys.executable, "-m", "deploy.engines", "up", "kafka"], check=True)
    await until(lambda: taken(log, state("z", 1)), 30)
    assert await histories(log) == {**{f"r{n}": list(range(1, 11)) for n in range(5)}, "z": [1]}


async def test_a_topic_that_is_deleted_is_named_and_writing_goes_on_when_it_is_there_again(
    log: EventLog, url: str, tmp_path: Path
) -> None:
    await log.append([state("a", 1), state("a", 2)])
    assert len(await log.read(limit=5)) == 2
    prefix = parsed(url).prefix
    async with admin(url) as client:
        await client.delete_topics([f"{prefix}.state"])
    await refused_soon(log.append([state("a", 3)]), 30)
    with pytest.raises(errors.Unavailable, match=r"\.state"):
        await log.append([state("a", 3)])
    async with registry.record_store(f"sqlite://{tmp_path}/other.db") as store, registry.event_log(url, store):
        await until(lambda: taken(log, state("a", 3)), 30)
    # What was lost is lost, and told: histories come from the log, whatever the index remembers.
    assert await histories(log) == {"a": [3]}
    assert [event["sequence"] for event in await log.history("training", "a")] == [3]


async def test_topics_without_a_leader_are_away_until_they_have_one(
    broker: psutil.Process, url: str, tmp_path: Path
) -> None:
    second = SecondBroker(tmp_path)
    second.start()
    try:
        async with admin(url) as client:
            prefix, kept = parsed(url).prefix, {"retention.ms": "-1", "retention.bytes": "-1"}
            there = {f"{prefix}.state": {0: [SECOND]}, f"{prefix}.calls": {n: [SECOND] for n in range(4)}}
            topics = [NewTopic(name, -1, -1, places, kept) for name, places in there.items()]
            await client.create_topics(topics)
        async with (
            registry.record_store(f"sqlite://{tmp_path}/index.db") as store,
            registry.event_log(url, store) as log,
        ):
            taken_in: dict[str, list[int]] = {"a": [], "b": []}

            async def writer(name: str) -> None:
                number = 1
                while number < 2_000:
                    if await taken(log, state(name, number), *(call(f"{name}{number}{n}") for n in range(4))):
                        taken_in[name].append(number)
                        number += 1

            writers = [asyncio.ensure_future(writer(name)) for name in taken_in]
            await until(lambda: all(taken_in.values()), 20)
            await asyncio.to_thread(second.down)
            await refused_soon(log.append([state("c", 1)]))
            await asyncio.to_thread(second.start)
            before = {name: len(numbers) for name, numbers in taken_in.items()}
            await until(lambda: all(len(taken_in[name]) > count + 3 for name, count in before.items()), 60)
            for one in writers:
                one.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
            found = await histories(log)
            for name, numbers in taken_in.items():
                assert found[name] == list(range(1, len(found[name]) + 1)) and len(found[name]) >= len(numbers)
    finally:
        second.down()


@pytest.mark.parametrize(
    ("partitions", "settings", "said"),
    [
        (1, {"cleanup.policy": "compact", "retention.ms": "-1"}, "compacted"),
        (1, {"retention.ms": "604800000"}, "604800000"),
        (1, {"retention.ms": "-1", "retention.bytes": "1000000"}, "1000000"),
        (3, {"retention.ms": "-1"}, "3 partitions"),
    ],
)
async def test_topics_that_would_lose_events_are_refused_at_the_start(
    url: str, tmp_path: Path, partitions: int, settings: dict[str, str], said: str
) -> None:
    async with admin(url) as client:
        await client.create_topics([NewTopic(f"{parsed(url).prefix}.state", partitions, 1, topic_configs=settings)])
    async with registry.record_store(f"sqlite://{tmp_path}/index.db") as store:
        with pytest.raises(errors.Invalid, match=said):
            await registry.event_log(url, store).open()


async def test_a_wrong_password_is_refused(url: str, tmp_path: Path) -> None:
    scheme, _, rest = url.partition("://")
    async with registry.record_store(f"sqlite://{tmp_path}/index.db") as store:
        wrong = registry.event_log(f"{scheme}://autolearn:wrong@{rest.rpartition('@')[2]}", store)
        with pytest.raises(errors.Unavailable) as caught:
            await wrong.open()
    assert "wrong" not in str(caught.value)


async def test_what_is_no_event_is_passed_over(log: EventLog, url: str) -> None:
    await log.append([state("a", 1)])
    told = parsed(url)
    async with AIOKafkaProducer(bootstrap_servers=list(told.servers), **told.login) as producer:
        for topic in ("state", "calls"):
            for value in (b"no json", b"{}", None):
                await producer.send_and_wait(f"{told.prefix}.{topic}", value, key=b"k", headers=[("ce_id", b"x")])
    await log.append([state("a", 2), call("c1")])
    assert [entry.event["id"] for entry in await log.read(limit=9)] == ["evt_a_1", "evt_a_2", "c1"]
    assert await histories(log) == {"a": [1, 2]}


async def test_an_event_that_is_too_large_is_refused_before_anything_is_sent(log: EventLog) -> None:
    with pytest.raises(errors.Invalid, match="evt_big_1 has"):
        await log.append([state("a", 1), state("big", 1, data={"text": "x" * 1_000_000})])
    assert await log.read(limit=5) == []


async def test_two_processes_see_the_same_log(log: EventLog, url: str, tmp_path: Path) -> None:
    async with (
        registry.record_store(f"sqlite://{tmp_path}/other.db") as store,
        registry.event_log(url, store) as other,
    ):
        waiting = asyncio.ensure_future(other.changed(0, 10))
        await asyncio.gather(
            *(one.append([state(f"{name}{n}", 1)]) for n in range(20) for name, one in (("a", log), ("b", other)))
        )
        assert await waiting
        assert await log.read(limit=100) == await other.read(limit=100)
        assert len(await other.read(limit=100)) == 40
