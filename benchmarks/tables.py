"""Tables to measure with, as large as asked for; the same rows for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

CLASSES = ("region", "kind", "grade", "member")
"""The columns of `mixed` that can be predicted as classes."""
_BLOCK = 200_000
_WORDS = np.array([f"{first}{rest}" for first in ("al", "bor", "car", "del") for rest in ("pha", "go", "bon", "ta")])


def mixed(rows: int, *, first: int = 0) -> pa.Table:
    """20 columns: 10 numbers (three with gaps), 3 integers, 4 categories, a boolean, a date, and a text."""
    choose = np.random.default_rng(first)
    whole = {
        f"measure_{number}": choose.normal(50, 10 * number, rows).round((2, 3, 6, 15)[number % 4])
        for number in range(1, 11)
    }
    score = whole["measure_1"] + whole["measure_2"] + choose.normal(0, 10, rows)
    words = _WORDS[choose.integers(0, len(_WORDS), (2, rows))]
    gaps = {name: choose.random(rows) < 0.03 for name in ("measure_2", "measure_5", "measure_8")}
    numbers = {name: pa.array(values, mask=gaps.get(name)) for name, values in whole.items()}
    return pa.table(
        {
            "order": np.arange(first, first + rows),
            **numbers,
            "count": choose.poisson(4, rows),
            "amount": choose.integers(0, 1_000_000, rows),
            "region": _chosen(choose, rows, 12),
            "kind": pa.array(np.array(["small", "large"])[(score > 100).astype(int)], mask=choose.random(rows) < 0.02),
            "grade": np.array(list("ABCDE"))[np.digitize(score, (60, 90, 110, 140))],
            "shop": _chosen(choose, rows, 300),
            "member": choose.random(rows) < 0.4,
            "day": (np.datetime64("2020-01-01") + choose.integers(0, 1500, rows)).astype("datetime64[D]"),
            "remark": [
                f"{one} {two} {number}"
                for one, two, number in zip(*words, choose.integers(0, 10**6, rows), strict=True)
            ],
        }
    )


def numeric(rows: int) -> pa.Table:
    """20 numbers and a class that follows from some of them."""
    choose = np.random.default_rng(0)
    features = choose.normal(0, 1, (20, rows))
    score = features[0] + features[1] * features[2] + np.sin(3 * features[3]) + choose.normal(0, 0.7, rows)
    columns = {f"x{number}": values for number, values in enumerate(features, 1)}
    return pa.table({**columns, "label": np.array(["no", "yes"])[(score > 0).astype(int)]})


def write_csv(path: Path, size: int) -> Path:
    """A CSV file of `mixed` rows with at least `size` bytes, written block by block."""
    options = arrow_csv.WriteOptions(quoting_style="none")
    first = 0
    with path.open("wb") as target:
        while target.tell() < size:
            block = mixed(_BLOCK if size > 10**8 else _BLOCK // 10, first=first)
            options.include_header = first == 0
            arrow_csv.write_csv(block, target, options)
            first += len(block)
    return path


def write_parquet(path: Path, table: pa.Table) -> Path:
    """The table as a Parquet file."""
    pq.write_table(table, path)
    return path


def _chosen(choose: np.random.Generator, rows: int, count: int) -> pa.Array:
    names = np.array([f"{_WORDS[number % len(_WORDS)]}-{number}" for number in range(count)])
    return pa.array(names[choose.integers(0, count, rows)])
