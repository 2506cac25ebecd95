"""Figures 1 to 3: trainings against children of a bare fork server that fit the same pipelines."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Scale, at_least, at_most
from benchmarks.floors import BareForkServer, bare_fork_server
from benchmarks.samples import Latency, in_turn, spread
from benchmarks.server import Server, server, small

_ALLOWANCE = 0.020
_TOGETHER = 2


@contextlib.contextmanager
def _both(**changes: Any) -> Iterator[tuple[Server, str, BareForkServer]]:
    """A platform, a session in it, and a bare fork server for the request that the platform completed."""
    with server(slots=str(_TOGETHER)) as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name:
        ours.settle()
        session = ours.session("figures")
        request = ours.train(session, **changes)["request"]
        with bare_fork_server(request, ours.dataset(request["dataset"]["name"], Path(name))) as floor:
            yield ours, session, floor


def many(ours: Server, session: str, count: int) -> float:
    """Seconds in which so many small trainings are submitted and succeed."""
    began = time.perf_counter()
    jobs = [ours.json("POST", "/v1/trainings", json=small(session))["id"] for _ in range(count)]
    waiting = [jobs[-1]]
    while waiting:
        ours.json("GET", f"/v1/trainings/{waiting[0]}", headers={"Prefer": "wait=60"})
        # One question for all of them: the floor's children are not asked one by one either.
        newest = ours.json("GET", "/v1/trainings", params={"sort": "-created", "limit": count})["items"]
        waiting = [job["id"] for job in newest if job["state"] in ("queued", "running")]
    taken = time.perf_counter() - began
    ends = {job["id"]: job["state"] for job in newest}
    if set(ends) != set(jobs) or set(ends.values()) != {"succeeded"}:
        raise RuntimeError(f"trainings ended in {sorted(set(ends.values()))}")
    return taken


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_small(scale: Scale) -> Sequence[Figure]:
    """Submit → succeeded of one small training."""
    with _both() as (ours, session, floor):
        taken = in_turn(
            functools.partial(seconds, functools.partial(ours.train, session)),
            floor.fit,
            rounds=scale.rounds,
            each=scale.repetitions,
            warmup=2,
        )
    figures = (str(Latency(taken.ours)), str(Latency(taken.floor)))
    return [at_most("1 small training, less 20 ms, against a bare child", *figures, taken.ratios(_ALLOWANCE), 1.5)]


def many_small(scale: Scale) -> Sequence[Figure]:
    """Trainings a second when many are submitted at once."""
    with _both() as (ours, session, floor):
        platform = functools.partial(many, ours, session, scale.many)
        bare = functools.partial(floor.fit, scale.many, _TOGETHER)
        taken = in_turn(platform, bare, rounds=scale.rounds, warmup=0)
    rates = [spread([scale.many / one for one in side], "/s") for side in (taken.ours, taken.floor)]
    what = f"2 rate of {scale.many} small trainings, {_TOGETHER} at a time"
    return [at_least(what, *rates, [other / one for one, other in zip(taken.ours, taken.floor, strict=True)], 0.6)]


def forest(scale: Scale) -> Sequence[Figure]:
    """A forest of about ten seconds (one, when quick): what the platform adds to the task function called alone."""
    trees = 3_000 if scale.repetitions > 10 else 300
    changes = {"dataset": "digits", "target": "digit", "algorithm": "random_forest"}
    with _both(**changes, parameters={"n_estimators": trees}) as (ours, session, floor):

        def platform() -> float:
            return seconds(lambda: ours.train(session, **changes, parameters={"n_estimators": trees}))

        alone = functools.partial(floor.fit, work="same_work")
        taken = in_turn(platform, alone, rounds=scale.rounds, warmup=0)
    sides = [spread(side, "s") for side in (taken.ours, taken.floor)]
    return [at_most(f"3 forest of {trees} trees against the same work alone", *sides, taken.ratios(), 1.03)]
