"""The trials of a search: every combination of a grid, or so many draws; the same seed gives the same ones.

A space names for each hyper-parameter a list of candidates, or a range: a text `LOW..HIGH`. Of a range whole numbers
are drawn if both ends are, evenly on a logarithmic scale if both ends are positive and 100 or more apart.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from common import errors

MOST_TRIALS = 1000
FACTOR = 3
LEAST_ROWS = 50
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_DECADES = 100.0


def grid(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the candidates, the last parameter changing first; a single value is one candidate.

    Raises `errors.Invalid` for a range, which has no end of candidates, and for more than 1000 combinations.
    """
    for name, values in space.items():
        if _ends(values) is not None:
            raise errors.Invalid(f"{name}={values} is a range; a grid needs a list such as [1, 10, 100]")
    candidates = {name: _candidates(name, values) for name, values in space.items()}
    count = math.prod(len(values) for values in candidates.values())
    if count > MOST_TRIALS:
        raise errors.Invalid(f"the grid has {count} combinations; at most {MOST_TRIALS} are tried. Draw some at random")
    return [dict(zip(candidates, values, strict=True)) for values in itertools.product(*candidates.values())]


def draws(space: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """At most `count` different trials, in the order drawn; fewer where the space has no more.

    Raises `errors.Invalid` for a range that is none, or more than 1000 trials.
    """
    if not 0 < count <= MOST_TRIALS:
        raise errors.Invalid(f"{count} trials are not possible; 1 to {MOST_TRIALS} are")
    source = random.Random(seed)  # noqa: S311 - repeatable, and nothing secret
    drawn: dict[str, dict[str, Any]] = {}
    for _ in range(20 * count):
        if len(drawn) == count:
            break
        trial = {name: _draw(name, values, source) for name, values in space.items()}
        drawn.setdefault(repr(trial), trial)
    return list(drawn.values())


def rungs(candidates: int, rows: int, least: int = LEAST_ROWS) -> list[tuple[int, int | None]]:
    """Successive halving: how many candidates learn from how many rows, rung by rung, the last from all (None).

    Of each rung the best third goes on to three times as many rows (Jamieson and Talwalkar 2016; scikit-learn's
    `HalvingGridSearchCV` with its factor). As many rungs as the candidates need, if the first has `least` rows.
    """
    count = 1
    while candidates >= FACTOR**count and rows // FACTOR**count >= least:
        count += 1
    return [
        (math.ceil(candidates / FACTOR**rung), rows // FACTOR ** (count - 1 - rung) if rung < count - 1 else None)
        for rung in range(count)
    ]


def ranked(jobs: Sequence[Any], measure: str) -> list[Any]:
    """Records of trainings by a measure, the best first; those without it come last, as they are."""
    from common.contracts.jobs import headline

    def figure(job: Any) -> float | None:
        value = headline(job.result or {}).get(measure)
        return float(value) if isinstance(value, (int, float)) else None

    lower = any(((job.result or {}).get("directions") or {}).get(measure) == "lower" for job in jobs)
    with_it = [(value, job) for job in jobs if (value := figure(job)) is not None]
    with_it.sort(key=lambda pair: pair[0] if lower else -pair[0])
    return [job for _, job in with_it] + [job for job in jobs if figure(job) is None]


def _candidates(name: str, values: Any) -> list[Any]:
    if isinstance(values, list) and not values:
        raise errors.Invalid(f"{name} has no candidates")
    return values if isinstance(values, list) else [values]


def _draw(name: str, values: Any, source: random.Random) -> Any:
    ends = _ends(values)
    if ends is None:
        return source.choice(_candidates(name, values))
    low, high = ends
    if not low < high:
        raise errors.Invalid(f"{name}={values} is no range: the first end must be smaller")
    spread = low > 0 and high / low >= _DECADES
    value = math.exp(source.uniform(math.log(low), math.log(high))) if spread else source.uniform(low, high)
    if isinstance(low, int) and isinstance(high, int):
        return min(high, max(low, round(value))) if spread else source.randint(low, high)
    return float(f"{value:.6g}")


def _ends(values: Any) -> tuple[float, float] | None:
    match = _RANGE.fullmatch(values) if isinstance(values, str) else None
    if match is None:
        return None
    low, high = (int(end) if re.fullmatch(r"-?\d+", end) else float(end) for end in match.groups())
    return low, high
