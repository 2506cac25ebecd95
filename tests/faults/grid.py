"""The crash grid: scenarios, killed at a point, started again, finished, and held against the oracle.

`python -m tests.faults.grid [SCENARIO [POINT]] [--seed S] [--points N] [--crowd] [--engines]` runs it outside of
pytest; what `make fuzz` calls. Without a point it takes all that a recording run finds.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.faults.points import Point, grid, sample
from tests.faults.scenario import Crowd, Scenario
from tests.faults.scenarios import SCENARIOS
from tests.faults.victim import Died, EngineVictim, Victim
from tests.platforms import PENGUINS

_ROUNDS = 10
_LINGER = 1.0


class CrashGrid:
    """One place, a data folder or engines, in which a platform dies many deaths; after each the oracle looks at it."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim
        self.victim.start()
        self.victim.upload(PENGUINS)

    def close(self) -> None:
        """End it well, and look at the folder a last time."""
        if self.victim.process is None:
            self.victim.start()
        with contextlib.closing(self.victim.http):
            self.victim.settle()
            assert self.victim.stop() == 0
            self.victim.kept_its_promises()

    def __enter__(self) -> CrashGrid:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif self.victim.process is not None:
            self.victim.kill()

    def record(self, kind: type[Scenario]) -> list[str]:
        """The calls of one undisturbed run."""
        scenario = kind(self.victim)
        scenario.prepare()
        before = len(self.victim.calls)
        self.victim.arm()
        scenario.act()
        # What belongs to it and comes late: shipping and pulling of its last events.
        self._linger()
        self.victim.disarm()
        found = self.victim.calls[before:]
        scenario.check()
        return found

    def die(self, kind: type[Scenario], point: Point, *, again: Point | None = None, crowd: bool = False) -> None:
        """Kill the platform there, and once more `again` while it starts; everything must be as if nothing had been."""
        missed: list[str] = []
        while True:
            scenario, others = self._killed(kind, point, crowd=crowd)
            if self.victim.killed:
                break
            # How often the relay ships, a worker looks and a client asks is chance (a slow machine counts more of
            # them in the recording): what is not reached lies too far out.
            missed.append(str(point))
            assert len(missed) < _ROUNDS, f"not reached in as many runs of {kind.name()}: {', '.join(missed)}"
            point = point.sooner()
        self.victim.bury()
        if again:
            self._die_at_start(again)
        self.victim.start()
        scenario.act()
        if others:
            others.submit()
            others.check()
        scenario.check()
        self.victim.keeps_its_promises()

    def _killed(self, kind: type[Scenario], point: Point, *, crowd: bool) -> tuple[Scenario, Crowd | None]:
        scenario = kind(self.victim)
        scenario.prepare()
        others = Crowd(self.victim) if crowd else None
        self.victim.arm(point)
        with contextlib.suppress(Died):
            if others:
                others.submit()
            scenario.act()
            self._linger()
        self.victim.disarm()
        return scenario, others

    def _linger(self) -> None:
        end = time.monotonic() + _LINGER
        self.victim.wait(lambda: self.victim.dead() or time.monotonic() > end, "time to pass")

    def _die_at_start(self, point: Point) -> None:
        """Let the recovery die too, if it comes to that point within a moment."""
        self.victim.arm(point)
        with contextlib.suppress(Died):
            self.victim.start()
            self._linger()
        self.victim.disarm()
        if self.victim.killed:
            self.victim.bury()
        else:
            self.victim.kill()


def main() -> None:
    """Run what was asked for; the exit code is the number of points that failed, at most 100."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.grid", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=[one.name() for one in SCENARIOS])
    parser.add_argument("point", nargs="?", type=Point.parse)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--points", type=int, default=10_000, help="at most so many for each scenario")
    parser.add_argument("--crowd", action="store_true", help="with eight other trainings in flight")
    parser.add_argument("--engines", action="store_true", help="over the engines that `deploy.engines` has started")
    told = parser.parse_args()
    failed = 0
    for kind in SCENARIOS:
        if told.scenario in (None, kind.name()):
            failed += sum(1 for _ in _failures(kind, told))
    raise SystemExit(min(failed, 100))


def _failures(kind: type[Scenario], told: argparse.Namespace) -> Iterator[Point]:
    points = [told.point] if told.point else sample(_recorded(kind, told), told.points, f"{told.seed}/{kind.name()}")
    for number, point in enumerate(points, 1):
        began = time.monotonic()
        try:
            with _grid(told) as one:
                one.die(kind, point, crowd=told.crowd)
        except Exception:  # whatever went wrong there is what the grid looks for; the other points still count
            print(f"FAILED {kind.name()} {point}", flush=True)
            traceback.print_exc()
            yield point
        else:
            print(f"{kind.name()} {point} ({number}/{len(points)}, {time.monotonic() - began:.1f} s)", flush=True)


def _recorded(kind: type[Scenario], told: argparse.Namespace) -> list[Point]:
    with _grid(told) as one:
        return grid(one.record(kind))


@contextlib.contextmanager
def _grid(told: argparse.Namespace) -> Iterator[CrashGrid]:
    victim = EngineVictim if told.engines else Victim
    with tempfile.TemporaryDirectory(prefix="autolearn-grid-") as folder, CrashGrid(victim(Path(folder))) as one:
        yield one


if __name__ == "__main__":
    main()
