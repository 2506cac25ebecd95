"""The contract of the message bus, for every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from common import errors
from common.adapters import registry
from common.adapters.message_bus.local import LocalMessageBus
from common.ports.message_bus import Bell, Delivery, MessageBus
from tests import engines


@pytest.fixture(params=["local", pytest.param("rabbitmq", marks=pytest.mark.external)])
def url(request: pytest.FixtureRequest) -> str:
    return "local:" if request.param == "local" else engines.own("rabbitmq")


@pytest.fixture
async def bus(url: str) -> AsyncIterator[MessageBus]:
    async with registry.message_bus(url) as opened:
        yield opened


def bell(number: int, kind: str = "training.queued") -> Bell:
    return Bell(kind, {"training": f"trn_{number}"})


async def take(deliveries: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(5):
        return await anext(deliveries)


async def nothing(deliveries: AsyncIterator[Delivery]) -> bool:
    """Whether no bell comes within a moment."""
    try:
        async with asyncio.timeout(0.05):
            await anext(deliveries)
    except TimeoutError:
        return True
    return False


async def test_bells_of_the_wanted_kinds_in_order(bus: MessageBus) -> None:
    async with bus.subscribe("q", ["training.queued", "training.ended"]) as deliveries:
        for ringing in (bell(1), bell(2, "other"), bell(3, "training.ended")):
            await bus.publish(ringing)
        for expected in (bell(1), bell(3, "training.ended")):
            delivery = await take(deliveries)
            assert delivery.bell == expected
            await delivery.ack()
            await delivery.ack()
        assert await nothing(deliveries)


async def test_a_bell_nobody_wants_is_lost(bus: MessageBus) -> None:
    await bus.publish(bell(1))
    async with bus.subscribe("q", ["training.queued"]) as deliveries:
        assert await nothing(deliveries)


async def test_queues_get_copies_and_subscribers_share(bus: MessageBus) -> None:
    kinds = ["training.queued"]
    async with (
        bus.subscribe("shared", kinds) as first,
        bus.subscribe("shared", kinds) as second,
        bus.subscribe("own", kinds) as other,
    ):
        await bus.publish(bell(1))
        await bus.publish(bell(2))
        assert {(await take(d)).bell for d in (first, second)} == {bell(1), bell(2)}
        copy = await take(other)
        await copy.ack()
        assert copy.bell == bell(1) and (await take(other)).bell == bell(2)


async def test_a_waiting_subscriber_is_woken(bus: MessageBus) -> None:
    async with bus.subscribe("q", ["training.queued"]) as deliveries:
        waiting = asyncio.ensure_future(take(deliveries))
        await asyncio.sleep(0)
        await bus.publish(bell(1))
        assert (await waiting).bell == bell(1)


async def test_no_more_than_prefetch_are_unsettled(bus: MessageBus) -> None:
    async with bus.subscribe("q", ["training.queued"], prefetch=2) as deliveries:
        for number in range(3):
            await bus.publish(bell(number))
        first = await take(deliveries)
        await take(deliveries)
        assert await nothing(deliveries)
        waiting = asyncio.ensure_future(take(deliveries))
        await first.ack()
        assert (await waiting).bell == bell(2)


async def test_a_rejected_bell_comes_again_and_is_given_up_after_a_few_times(bus: MessageBus) -> None:
    async with bus.subscribe("q", ["training.queued"]) as deliveries:
        await bus.publish(bell(1))
        times = 0
        while not await nothing_or_reject(deliveries):
            times += 1
        assert 2 <= times <= 50


async def nothing_or_reject(deliveries: AsyncIterator[Delivery]) -> bool:
    try:
        async with asyncio.timeout(0.2):
            delivery = await anext(deliveries)
    except TimeoutError:
        return True
    await delivery.reject()
    return False


async def everything(deliveries: AsyncIterator[Delivery], count: int) -> set[Bell]:
    found = set()
    for _ in range(count):
        delivery = await take(deliveries)
        found.add(delivery.bell)
        await delivery.ack()
    return found


async def test_unsettled_bells_go_to_the_other_subscriber(bus: MessageBus) -> None:
    kinds = ["training.queued"]
    async with bus.subscribe("q", kinds) as staying:
        async with bus.subscribe("q", kinds) as leaving:
            await bus.publish(bell(1))
            await bus.publish(bell(2))  # an engine may have handed one of them to the other already
            await take(leaving)
        assert await everything(staying, 2) == {bell(1), bell(2)}


async def test_leaving_with_an_error_gives_back(bus: MessageBus) -> None:
    kinds = ["training.queued"]
    async with bus.subscribe("q", kinds) as staying:
        with pytest.raises(ZeroDivisionError):
            async with bus.subscribe("q", kinds) as leaving:
                await bus.publish(bell(1))
                await bus.publish(bell(2))
                await take(leaving)
                raise ZeroDivisionError
        assert await everything(staying, 2) == {bell(1), bell(2)}


async def test_a_cancelled_wait_loses_nothing(bus: MessageBus) -> None:
    async with bus.subscribe("q", ["training.queued"]) as deliveries:
        waiting = asyncio.ensure_future(anext(deliveries))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await bus.publish(bell(1))
        assert (await take(deliveries)).bell == bell(1)


async def test_closing_ends_the_iteration(url: str) -> None:
    bus = registry.message_bus(url)
    await bus.open()
    async with bus.subscribe("q", ["training.queued"]) as deliveries:
        waiting = asyncio.ensure_future(anext(deliveries))
        await bus.reach()
        await bus.close()
        await bus.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
    for call in (bus.publish(bell(1)), bus.reach()):
        with pytest.raises(errors.Unavailable):
            await call


@pytest.mark.parametrize("kinds", [[], "training.queued"])
async def test_a_subscription_names_kinds(bus: MessageBus, kinds: list[str]) -> None:
    with pytest.raises(ValueError, match="kinds"):
        async with bus.subscribe("q", kinds):
            raise AssertionError("entered")


async def test_the_local_bus_is_bounded_and_rings_a_waiting_bell_once() -> None:
    async with (
        LocalMessageBus(length=3) as bus,
        bus.subscribe("q", ["training.queued"], prefetch=9) as deliveries,
    ):
        for number in (1, 1, 2, 3, 4, 4):
            await bus.publish(bell(number))
        assert [(await take(deliveries)).bell for _ in range(3)] == [bell(2), bell(3), bell(4)]
        assert await nothing(deliveries)
