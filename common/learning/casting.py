"""Columns read as another type than their own, as far as their values allow; what does not fit becomes missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def cast(values: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """The column in the form that `pandas.read_parquet` gives a column of this type (`contracts.ColumnType`)."""
    if kind in ("number", "integer"):
        return _numbers(values, whole=kind == "integer")
    if kind == "boolean":
        return values.astype(object).map(_truth, na_action="ignore").astype(object)
    return _texts(values)


def _numbers(values: pd.Series[Any], *, whole: bool) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return pd.Series(np.nan, index=values.index)
    plain = values.astype(object).map(_plain_number, na_action="ignore")
    numbers = pd.to_numeric(plain, errors="coerce").astype(float)
    return numbers.where(numbers == numbers.round()) if whole else numbers


def _plain_number(value: Any) -> Any:
    return int(value) if isinstance(value, bool | np.bool_) else value


def _texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """Values as text, the way a file spells them: integers have no decimal point even where nulls made them floats."""
    if isinstance(values.dtype, pd.StringDtype):
        return values
    return values.astype(object).map(_text, na_action="ignore").astype(object)  # also where nothing but NaN is left


def _truth(value: Any) -> bool | None:
    return _TRUTHS.get(_text(value).strip().lower())


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
