"""A sample of the crash grid: every scenario dies at a few calls; `make fuzz` takes all."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.grid import CrashGrid
from tests.faults.points import PORTS, READS, Point, grid, sample
from tests.faults.scenario import Scenario
from tests.faults.scenarios import SCENARIOS
from tests.faults.victim import Died, EngineVictim, Victim

SEED = os.environ.get("AUTOLEARN_TEST_SEED", "1")
SIZE = int(os.environ.get("AUTOLEARN_TEST_POINTS", "1"))
"""Points for each scenario."""
RECOVERIES = (Point("event_log.append", 1, "after"), None, Point("record_store.pull_many", 1, "before"), None, None)


@pytest.fixture(scope="module", params=[Victim, pytest.param(EngineVictim, marks=pytest.mark.external)])
def crashes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashGrid]:
    """One place for all deaths, a folder or real engines: what one leaves behind must not trouble the next."""
    with CrashGrid(request.param(tmp_path_factory.mktemp("grid"))) as found:
        yield found


@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda kind: kind.name())
def test_killed_anywhere_it_ends_as_if_nothing_had_been(crashes: CrashGrid, kind: type[Scenario]) -> None:
    points = sample(grid(crashes.record(kind)), SIZE, f"{SEED}/{kind.name()}")
    assert len(points) == SIZE
    for number, point in enumerate(points):
        again = RECOVERIES[(number + SCENARIOS.index(kind)) % len(RECOVERIES)]
        try:
            crashes.die(kind, point, again=again)
        except (AssertionError, Died) as error:
            error.add_note(f"alone: python -m tests.faults.grid {kind.name()} {point}")
            raise


def test_eight_others_are_in_flight(crashes: CrashGrid) -> None:
    crashes.die(SCENARIOS[1], Point("record_store.append", 6, "after"), crowd=True)


def test_every_counted_method_of_every_port_can_be_a_point() -> None:
    calls = [f"{port}.{method}" for port, methods in PORTS.items() for method in methods]
    points = grid(calls)
    assert {point.call for point in points} == set(calls)
    assert all(Point.parse(str(point)) == point for point in points)
    first = sample(points, len(calls), "seed")
    assert first == sample(points, len(calls), "seed")
    assert {point.call for point in first} == set(calls)
    assert [point.call in READS for point in first] == sorted(point.call in READS for point in first)


@pytest.mark.parametrize(
    "text", ["record_store.append:0:after", "record_store.fly:1:after", "journal.end:1:never", "x"]
)
def test_no_point_is_made_of_nonsense(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no PORT|not enough values"):
        Point.parse(text)
