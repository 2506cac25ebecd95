"""Learned figures as JSON: the largest first, and bounded."""

from __future__ import annotations

import json
import random

import pytest

from common.learning import learned


def test_the_largest_come_first() -> None:
    found = learned.by_size(["a", "b", "c"], [[0.1, -5.0, 1.0], [0.0, 0.0, 2.0]])
    assert [item["feature"] for item in found["shown"]] == ["b", "c", "a"]
    assert found["shown"][0] == {"feature": "b", "values": [-5.0, 0.0]}
    assert found["total"] == 3
    assert "labels" not in found


def test_values_are_labelled() -> None:
    found = learned.by_size(["a"], [[1.0], [2.0]], ["yes", "n" * 99])
    assert found["labels"] == ["yes", "n" * 29 + "…"]


@pytest.mark.parametrize(("features", "rows"), [(10_000, 1), (300, 40), (3, 1000), (1, 5000)])
def test_it_stays_readable(features: int, rows: int) -> None:
    table = [[random.uniform(-1e-7, 1e7) for _ in range(features)] for _ in range(rows)]
    found = learned.by_size(["a long name of a column " * 9] * features, table, ["a long class" * 9] * rows)
    assert found["total"] == features
    assert len(json.dumps(found)) < 20_000


def test_figures_have_six_digits() -> None:
    assert learned.figures([1 / 3, 1e-9 / 3, 123456789]) == [0.333333, 3.33333e-10, 123457000.0]
