"""Texts are counted as pyarrow counts them, however they are cut into chunks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.datasets import ColumnType
from common.learning.profile import QUANTILES, _histogram, _quantile
from common.learning.tally import Tally


@given(
    st.lists(st.lists(st.one_of(st.none(), st.text(max_size=2), st.sampled_from("abc"))), max_size=5), st.integers(1, 6)
)
def test_a_tally_counts(chunks: list[list[str | None]], most: int) -> None:
    """Also where the totals are taken in small blocks."""
    arrays = [pa.array(chunk, pa.string()) for chunk in chunks]
    every = [text for chunk in chunks for text in chunk]
    tally = Tally(lambda: arrays, len(every))
    counted = Counter(text for text in every if text is not None)
    assert (tally.missing, tally.distinct) == (every.count(None), len(counted))
    assert tally.longest == max(map(len, counted), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.learning.tally._BLOCK", 3)
        small = tally.top(most)
    assert small == tally.top(most) == sorted(counted.items(), key=lambda one: (-one[1], one[0].encode()))[:most]


@given(
    st.one_of(
        st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40),
        st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=40),
        st.lists(st.floats(0, 1, width=16), min_size=1, max_size=40),
    )
)
def test_quantiles_and_bins_are_those_of_numpy(values: list[float]) -> None:
    ascending = np.sort(np.array(values))
    floats = ascending.astype(np.float64)
    assert [_quantile(ascending, share) for share in QUANTILES] == np.quantile(floats, QUANTILES).tolist()
    found = _histogram(ascending)
    assert found is not None
    try:
        counts, edges = np.histogram(floats, bins=20)
    except ValueError:
        return
    assert (found["counts"], found["edges"]) == (counts.tolist(), edges.tolist())


def test_column_types_of_texts_are_told_by_their_tally() -> None:
    from common.learning.column_types import text_kind

    many = [pa.array([f"{block} {number}" for number in range(40)]) for block in range(2)]
    assert text_kind(lambda: many, 80) is ColumnType.text
    assert text_kind(lambda: [*many, pa.array(["same"] * 100)], 180) is ColumnType.category
