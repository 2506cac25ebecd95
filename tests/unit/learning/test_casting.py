"""Columns of one type read as another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from common.learning.casting import cast

MISSING = "missing"
MOMENTS = pd.to_datetime(["2026-01-02", None], utc=True)


def shown(values: pd.Series[Any]) -> list[Any]:
    return [MISSING if pd.isna(value) else value for value in values]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", " 2.5 ", "x", None], "number", [1, 2.5, MISSING, MISSING]),
        ([True, False, None], "number", [1, 0, MISSING]),
        ([1.0, 2.5, np.nan], "integer", [1, MISSING, MISSING]),
        (pd.array([1, None], dtype="Int64"), "number", [1, MISSING]),
        (pd.Categorical(["3", "b", None]), "integer", [3, MISSING, MISSING]),
        (MOMENTS, "number", [MISSING, MISSING]),
        ([1.0, 2.5, np.nan], "category", ["1", "2.5", MISSING]),
        (pd.array([1, None], dtype="Int64"), "text", ["1", MISSING]),
        ([True, False, None], "category", ["true", "false", MISSING]),
        (pd.array(["a", None], dtype="str"), "category", ["a", MISSING]),
        (pd.Categorical(["a", None]), "text", ["a", MISSING]),
        (MOMENTS, "category", ["2026-01-02 00:00:00+00:00", MISSING]),
        (["TRUE", "no", "1", "perhaps", None], "boolean", [True, False, True, MISSING, MISSING]),
        ([1, 0, 2], "boolean", [True, False, MISSING]),
        (pd.array([True, None], dtype="boolean"), "boolean", [True, MISSING]),
    ],
)
def test_values_that_fit_are_kept_and_others_missing(values: Any, kind: str, expected: list[Any]) -> None:
    found = cast(pd.Series(values), kind)
    assert shown(found) == expected
    if kind in ("number", "integer"):
        assert found.dtype == np.float64


def test_rows_keep_their_index() -> None:
    found = cast(pd.Series(["1", "2"], index=[7, 9]), "number")
    assert list(found.index) == [7, 9]
