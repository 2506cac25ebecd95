"""Pauses between tries, on a clock of the test."""

from __future__ import annotations

from autolearn.backoff import Backoff


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def backoff(clock: Clock, within: float = 30.0) -> Backoff:
    return Backoff(within=within, first=0.1, longest=5.0, sleep=clock.sleep, clock=clock)


async def test_pauses_grow_with_jitter_and_end_before_the_deadline() -> None:
    clock = Clock()
    patience = backoff(clock)
    while await patience.pause():
        pass
    assert clock.now < 30.0 and patience.left > 0.0
    bounds = [min(5.0, 0.1 * 2**n) for n in range(len(clock.slept))]
    assert all(most / 2 <= slept <= most for slept, most in zip(clock.slept, bounds, strict=True))


async def test_the_server_may_ask_for_more_but_not_for_more_than_there_is() -> None:
    clock = Clock()
    patience = backoff(clock)
    assert await patience.pause(at_least=10.0)
    assert clock.slept == [10.0]
    assert not await patience.pause(at_least=20.0)
    assert clock.slept == [10.0]


async def test_success_begins_anew() -> None:
    clock = Clock()
    patience = backoff(clock, within=1.0)
    assert await patience.pause(at_least=0.9)
    assert not await patience.pause(at_least=0.5)
    patience.reset()
    assert patience.left > 0.99
    assert await patience.pause() and clock.slept[-1] <= 0.1


async def test_what_lasted_begins_anew_when_it_breaks() -> None:
    clock = Clock()
    patience = backoff(clock)
    for seconds, left in ((1.0, 29.0), (100.0, 30.0)):
        with patience.lasting():
            clock.now += seconds
        assert patience.left == left
