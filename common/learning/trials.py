"""The trials of a search: every combination of a grid, or so many draws; the same seed gives the same ones.

A space names for each hyper-parameter its candidates, a range, or the one value (`contracts.searches.Space`). Trials
follow from the request alone, however often they are asked for. So that no version of Python draws others, only
`random.random` is used, whose sequence is guaranteed.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.contracts.searches import MOST_TRIALS
from common.errors import Flaw

Trial = tuple[str, dict[str, Any]]
"""An algorithm with the hyper-parameters that are told."""
_DECADES = 100.0
_PATIENCE = 20


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included."""

    low: float
    high: float
    logarithmic: bool

    def draw(self, source: random.Random) -> int | float:
        """One of them; whole if both ends are, else with six digits."""
        share = source.random()
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        if self.logarithmic:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
            return min(int(self.high), max(int(self.low), round(value))) if whole else float(f"{value:.6g}")
        if whole:
            return int(self.low) + int(share * (int(self.high) - int(self.low) + 1))
        return float(f"{self.low + share * (self.high - self.low):.6g}")


def range_of(told: Any) -> Range | None:
    """The range that is told, if it is one: `{"low", "high"}` with numbers, `scale` besides."""
    if not is_range(told) or not all(_number(told[end]) for end in ("low", "high")):
        return None
    low, high, scale = told["low"], told["high"], told.get("scale", "auto")
    far = low > 0 and high / low >= _DECADES
    return Range(low, high, scale == "log" or (scale == "auto" and far))


def is_range(told: Any) -> bool:
    """Whether it is meant as a range, well formed or not."""
    return isinstance(told, Mapping) and {"low", "high"} <= set(told) <= {"low", "high", "scale"}


def candidates(told: Any) -> list[Any]:
    """The different candidates; a single value is one."""
    values = told if isinstance(told, list) else [told]
    return list({repr(value): value for value in values}.values())


def trials(request: Mapping[str, Any]) -> list[Trial]:
    """All trials of a request that has no flaws, in the order in which they are tried; `budget.trials` cuts it."""
    found: list[Trial] = []
    for space in request["algorithms"]:
        algorithm, told = space["algorithm"], space["parameters"]
        if request["method"] == "random":
            found += [(algorithm, one) for one in draws(told, request["draws"], request["seed"])]
        else:
            found += [(algorithm, one) for one in grid(told)]
    return found


def at_most(space: Mapping[str, Any], draws: int | None) -> int:
    """How many trials a space has at most, before they are made."""
    several = [_size(told) if draws is not None else len(candidates(told)) for told in space.values()]
    return min(math.prod(several), MOST_TRIALS + 1 if draws is None else draws)


def grid(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the candidates, the last parameter changing first."""
    several = [candidates(told) for told in space.values()]
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*several)]


def draws(space: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """At most `count` different trials, in the order drawn; fewer where the space has no more."""
    count = at_most(space, count)
    source = random.Random(seed)  # noqa: S311 - repeatable, and nothing secret
    drawn: dict[str, dict[str, Any]] = {}
    for _ in range(_PATIENCE * count):
        if len(drawn) == count:
            break
        trial = {name: _draw(told, source) for name, told in space.items()}
        drawn.setdefault(repr(trial), trial)
    return list(drawn.values())


def space_flaws(space: Mapping[str, Any], pointer: str, *, drawn: bool) -> list[Flaw]:
    """What is wrong with the form of a space; the values are the algorithm's to judge."""
    flaws = []
    for name, told in space.items():
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(told, list) and not told:
            flaws.append(Flaw(place, "no_candidates", f"{name} has no candidates"))
        elif is_range(told):
            flaws += [Flaw(place, "range", wrong) for wrong in [_range_flaw(name, told, drawn)] if wrong]
    if not flaws and not drawn and (count := _combinations(space)) > MOST_TRIALS:
        detail = f"the grid has {count} combinations; at most {MOST_TRIALS} are tried. Draw some at random"
        flaws.append(Flaw(pointer, "too_many_trials", detail))
    return flaws


def rungs(count: int, rows: int, *, factor: int, least: int) -> list[tuple[int, int | None]]:
    """Successive halving: how many trials learn from how many rows, rung by rung, the last from all (None).

    Of each rung one in `factor` goes on to `factor` times as many rows (Jamieson and Talwalkar 2016; scikit-learn's
    `HalvingGridSearchCV`). As many rungs as the trials need, if the first has `least` rows.
    """
    number = 1
    while count >= factor**number and rows // factor**number >= least:
        number += 1
    return [
        (math.ceil(count / factor**rung), rows // factor ** (number - 1 - rung) if rung < number - 1 else None)
        for rung in range(number)
    ]


def within(plan: Sequence[tuple[int, int | None]], budget: int | None) -> list[tuple[int, int | None]]:
    """The part of a plan that a budget of trials allows."""
    left = sum(count for count, _ in plan) if budget is None else budget
    found = []
    for count, rows in plan:
        if left <= 0:
            break
        found.append((min(count, left), rows))
        left -= count
    return found


def better(value: float | None, than: float | None, direction: str) -> bool:
    """Whether a measure is better than another; one that is undefined is not, and is worse than any other."""
    if value is None or than is None:
        return value is not None
    return value < than if direction == "lower" else value > than


def ranked(values: Mapping[int, float | None], direction: str) -> list[int]:
    """Trials by the value of each, the best first, in their own order where equal; the undefined come last."""
    known = [number for number, value in values.items() if value is not None]
    sign = 1 if direction == "lower" else -1
    return sorted(known, key=lambda number: (sign * (values[number] or 0.0), number)) + sorted(
        number for number, value in values.items() if value is None
    )


def _combinations(space: Mapping[str, Any]) -> int:
    return math.prod(len(candidates(told)) for told in space.values())


def _size(told: Any) -> int:
    """How many different values can be drawn; of a range of fractions no end, as far as that matters here."""
    spread = range_of(told)
    if spread is None:
        return len(candidates(told))
    whole = isinstance(spread.low, int) and isinstance(spread.high, int)
    return int(spread.high) - int(spread.low) + 1 if whole else MOST_TRIALS


def _range_flaw(name: str, told: Mapping[str, Any], drawn: bool) -> str | None:
    low, high, scale = told["low"], told["high"], told.get("scale", "auto")
    if not drawn:
        return f"{name} is a range, which has no end of candidates; a grid needs a list such as [1, 10, 100]"
    if not (_number(low) and _number(high)) or not low < high:
        return f"{name} is no range: low must be a number smaller than high"
    if scale not in ("auto", "linear", "log"):
        return f"the scale of {name} must be auto, linear or log; {scale!r} is not"
    if scale == "log" and low <= 0:
        return f"on a logarithmic scale low must be > 0; that of {name} is {low}"
    return None


def _draw(told: Any, source: random.Random) -> Any:
    if spread := range_of(told):
        return spread.draw(source)
    several = candidates(told)
    return several[int(source.random() * len(several))]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
