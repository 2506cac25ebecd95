"""Trainings on large tables: one of a million rows, and one of every algorithm on a mixed table."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import tables
from benchmarks.figure import Figure, Scale, at_most
from benchmarks.floors import bare_fork_server
from benchmarks.samples import Paired, in_turn, spread
from benchmarks.server import server

_ROWS = 1_000_000
_MIXED_ROWS, _MIXED = 32_000, 15
_MB = 10**6


def boosting(scale: Scale) -> Sequence[Figure]:
    """Histogram gradient boosting of a million rows (a tenth when quick) against the same pipeline in a bare child.

    That also measures the rows held out, as anybody does who trains; not those learned from, as the platform does.
    """
    rows = int(_ROWS * scale.size)
    asked = {"dataset": "numeric", "target": "label", "algorithm": "hist_gradient_boosting"}
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name:
        ours.settle()
        ours.upload(tables.write_parquet(Path(name) / "sent.parquet", tables.numeric(rows)), "numeric")
        session = ours.session("figures")
        request = ours.train(session, **asked)["request"]
        peaks: tuple[list[float], list[float]] = ([], [])
        with bare_fork_server(request, ours.dataset("numeric", Path(name))) as floor:

            def platform() -> float:
                began = time.perf_counter()
                job = ours.train(session, **asked)
                seconds = time.perf_counter() - began
                peaks[0].append(job["result"]["usage"]["peak_memory"] / _MB)
                return seconds

            def alone() -> float:
                seconds = floor.fit(work="measure")
                peaks[1].append(floor.peak / _MB)
                return seconds

            taken = in_turn(platform, alone, rounds=scale.rounds, warmup=0)
    memory = Paired(tuple(peaks[0]), tuple(peaks[1]))
    what = f"boosting on {rows} × 20 against the same pipeline alone"
    return [
        at_most(f"{what}: time", *_sides(taken, "s"), taken.ratios(), 1.1),
        at_most(f"{what}: peak memory of the child", *_sides(memory, "MB"), memory.ratios(), 1.1),
    ]


def every_algorithm(scale: Scale) -> Sequence[Figure]:
    """`train --all` on a mixed table of 32,000 × 15 (a tenth when quick) against its fits, one after the other."""
    rows, cores = int(_MIXED_ROWS * scale.size), os.cpu_count() or 1
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name:
        ours.settle()
        mixed = tables.mixed(rows).select(_columns())
        ours.upload(tables.write_parquet(Path(name) / "sent.parquet", mixed), "mixed")
        session = ours.session("figures")
        stored = ours.dataset("mixed", Path(name))
        asked = {"dataset": "mixed", "target": "kind"}
        taken: list[tuple[float, float]] = []
        for _ in range(scale.rounds if scale.size < 1 else 1):
            # Two kinds of naive Bayes take no numbers below 0.
            seconds, trials = ours.search(session, {**asked, "method": "all"}, may_fail=2)
            requests = [ours.json("GET", f"/v1/trainings/{trial['id']}")["request"] for trial in trials]
            with bare_fork_server(requests[0], stored) as floor:
                floor.fit()
                alone = sum(floor.fit(request=one) for one in requests)
            taken.append((seconds, alone / cores))
    pairs = Paired(*map(tuple, zip(*taken, strict=True)))
    what = f"all {len(trials)} algorithms on {rows} × {_MIXED} against the sum of their fits by {cores} cores"
    return [at_most(what, *_sides(pairs, "s"), pairs.ratios(), 1.3)]


def _columns() -> list[str]:
    """15 of the 20 of a mixed table: none that differs in every row."""
    numbers = [f"measure_{number}" for number in range(1, 9)]
    return [*numbers, "count", "amount", "region", "kind", "grade", "shop", "member"]


def _sides(pairs: Paired, unit: str) -> tuple[str, str]:
    return spread(pairs.ours, unit), spread(pairs.floor, unit)
