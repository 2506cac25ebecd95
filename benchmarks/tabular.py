"""Large tables: uploading one, looking at it before training, and one of a gigabyte in bounded memory."""

from __future__ import annotations

import itertools
import math
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks import tables
from benchmarks.alone import alone
from benchmarks.figure import Figure, Scale, at_least, at_most
from benchmarks.footprint import memory
from benchmarks.samples import in_turn, spread
from benchmarks.server import LONG, Server, server

_FLOORS = "benchmarks.tabular_floors"
_MB = 10**6
_ROWS = 1_000_000


def upload(scale: Scale) -> Sequence[Figure]:
    """A CSV file of 200 MB (a tenth when quick), sent and stored, against `pyarrow.csv` and Parquet alone."""
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name, alone(_FLOORS) as ask:
        ours.settle()
        csv = tables.write_csv(Path(name) / "table.csv", int(200 * _MB * scale.size))
        order = {"work": "store", "csv": str(csv), "parquet": str(Path(name) / "table.parquet")}
        names = (f"table-{number}" for number in itertools.count())
        taken = in_turn(lambda: ours.upload(csv, next(names)), lambda: ask(order)[0], rounds=scale.rounds)
    sides = [spread(side, "s") for side in (taken.ours, taken.floor)]
    size = f"{200 * scale.size:g} MB of CSV"
    return [at_most(f"upload of {size} against pyarrow.csv and Parquet (zstd) alone", *sides, taken.ratios(), 1.5)]


def profile(scale: Scale) -> Sequence[Figure]:
    """All figures of a profile with a target, those that were made at the upload too, against pyarrow and numpy."""
    rows = int(_ROWS * scale.size)
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name, alone(_FLOORS) as ask:
        ours.settle()
        sent = tables.write_parquet(Path(name) / "sent.parquet", tables.mixed(rows))
        ours.upload(sent, "mixed")
        stored = ours.dataset("mixed", Path(name))
        targets = [itertools.cycle(tables.CLASSES) for _ in range(2)]
        requests: list[float] = []
        answers: dict[str, list[Any]] = {}

        def asked() -> float:
            target = next(targets[0])
            began = time.perf_counter()
            found = ours.json("GET", "/v1/datasets/mixed/profile", params={"target": target}, timeout=LONG)
            requests.append(time.perf_counter() - began)
            answers.setdefault(target, []).append(found)
            return requests[-1] + ask({"work": "describe", "parquet": str(stored)})[0]

        def floor() -> float:
            target = next(targets[1])
            seconds, found = ask({"work": "figures", "parquet": str(stored), "target": target})
            answers.setdefault(target, []).append(found)
            return seconds

        taken = in_turn(asked, floor, rounds=len(tables.CLASSES) - 1)
    for target in tables.CLASSES:
        _compare(*sorted(answers[target], key=lambda found: "warnings" in found))
    sides = [spread(side, "s") for side in (taken.ours, taken.floor)]
    what = f"profile of {rows} × 20 with a target, columns included, against pyarrow and numpy"
    return [at_most(f"{what} (the request: {spread(requests, 's')})", *sides, taken.ratios(), 2)]


def gigabyte(scale: Scale) -> Sequence[Figure]:
    """The most memory of all processes while the command line sends a CSV file of a gigabyte, and what it shows."""
    size = int(1000 * _MB * scale.size)
    with server() as ours, tempfile.TemporaryDirectory(prefix="autolearn-floor-") as name:
        ours.settle()
        csv = tables.write_csv(Path(name) / "large.csv", size)
        watch = _Peak(ours)
        with watch:
            shown = _sent_by_hand(ours, csv)
        rows = ours.json("GET", "/v1/datasets/large")["rows"]
    said = f"{rows} rows in {watch.seconds:.1f} s"
    peaks = [watch.peak / _MB]
    return [
        at_most(f"{size / _MB:g} MB of CSV: most memory of all processes", said, "", peaks, 400, unit="MB"),
        at_least("and states of the progress that the command showed", said, "", [float(shown)], 3, unit=""),
    ]


class _Peak:
    """Looks at the memory of a platform's processes again and again while the block runs."""

    def __init__(self, one: Server) -> None:
        self._root = psutil.Process(one.process)
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look)
        self.peak = 0
        self.seconds = 0.0

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.peak = max(self.peak, memory(self._root))

    def __enter__(self) -> None:
        self.seconds = time.perf_counter()
        self._looking.start()

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.seconds
        self._over.set()
        self._looking.join()


def _sent_by_hand(ours: Server, path: Path) -> int:
    """Upload with the command line on a terminal; how many different states of its progress were seen."""
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli", "--url", ours.url, "datasets", "upload", str(path)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        seen = b""
        while piece := _read(mine):
            seen += piece
        os.close(mine)
        if process.wait() != 0:
            raise RuntimeError(seen.decode(errors="replace")[-2000:])
    return len(set(re.findall(r"[\d.]+/[\d.]+ .B", seen.decode(errors="replace"))))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux tells that nobody has the other end open
        return b""


def _compare(floor: dict[str, Any], found: dict[str, Any]) -> None:
    """Both have the same figures, or neither is worth comparing in time."""
    ours = {column["name"]: column for column in found["columns"]}
    pairs: list[tuple[str, Any, Any]] = []
    for name, bare in floor["columns"].items():
        column = ours[name]
        shown = {**column, **({"quantiles": [*column["quantiles"].values()]} if "quantiles" in column else {})}
        shown["counts"] = (column.get("histogram") or {}).get("counts")
        pairs += [
            (f"{name} {key}", bare[key], shown[key])
            for key in bare
            if key in shown and key not in ("top", "first", "last")
        ]
        if "top" in bare and "top" in column:
            pairs += [(f"{name} top", [count for _, count in bare["top"]], [one["count"] for one in column["top"]])]
    pairs += [(key, floor[key], found["duplicates"][key]) for key in ("exact", "near")]
    pairs += [(key, floor[key], found["correlations"][key]) for key in ("pearson", "spearman")]
    for one in found["target"]["associations"]:
        bare = floor["associations"][one["name"]]
        pairs += [(f"{one['name']} {key}", bare[key], one[key]) for key in bare]
    for what, bare, one in pairs:
        if not _alike(bare, one):
            raise RuntimeError(f"{what}: {one} and not {bare}")


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=2e-6)
