"""The arithmetic of figures; nothing here is timed."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.figure import at_least, at_most
from benchmarks.samples import Latency, Paired, in_turn, percentile, spread


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.2, 1), (0.5, 3), (0.51, 3), (0.61, 4), (0.99, 5), (1, 5)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([5, 3, 1, 2, 4], share) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_latencies_are_told_in_milliseconds() -> None:
    assert str(Latency((0.001, 0.003, 0.002))) == "p50 2, p99 3, worst 3 ms (n=3)"


def test_a_spread_has_median_and_ends() -> None:
    assert spread([3.0, 1.0, 2.0], "s") == "2 (1–3) s"


def test_ratios_are_taken_pair_by_pair_less_the_allowance() -> None:
    assert Paired((1.2, 2.2), (1.0, 4.0)).ratios(0.2) == pytest.approx((1.0, 0.5))


def test_the_two_take_turns_and_the_other_begins_each_round() -> None:
    order: list[str] = []

    def one(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    taken = in_turn(lambda: one("a", 2.0), lambda: one("b", 1.0), rounds=2, each=2, warmup=1)
    assert "".join(order) == "ab" + "abab" + "baba"
    assert taken == Paired((2.0,) * 4, (1.0,) * 4)


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (at_most("what", "1", "1", [1.0, 1.5, 9.0], 1.5), True),
        (at_most("what", "1", "1", [1.0, 1.6, 1.7], 1.5), False),
        (at_least("what", "1", "1", [0.1, 0.6, 0.7], 0.6), True),
        (at_least("what", "1", "1", [0.1, 0.5, 0.7], 0.6), False),
    ],
)
def test_the_median_decides_and_the_table_says_so(figure: object, met: bool) -> None:
    assert figure.met is met  # type: ignore[attr-defined]
    assert ("MISSED" in report.table([figure])) is not met  # type: ignore[list-item]
