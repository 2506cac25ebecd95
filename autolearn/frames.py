"""pandas DataFrames from lists and datasets, and back.

The only module here that imports pandas (optional, inside).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from common import errors

if TYPE_CHECKING:
    import pandas as pd


def from_items(items: Sequence[BaseModel]) -> pd.DataFrame:
    """One row an item; nested objects become columns with dots in their names."""
    import pandas as pd

    return pd.json_normalize([item.model_dump(mode="json") for item in items])


def from_parquet(content: bytes) -> pd.DataFrame:
    """The table in a Parquet file."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(content))


def is_frame(thing: Any) -> bool:
    """Whether `thing` is a DataFrame, found out without importing pandas."""
    return type(thing).__module__.partition(".")[0] == "pandas" and type(thing).__name__ == "DataFrame"


def to_csv(frame: pd.DataFrame) -> tuple[bytes, dict[str, str]]:
    """The CSV of a DataFrame (without its index), and the column types that its dtypes state beyond doubt."""
    import pandas as pd

    if not frame.columns.is_unique or not all(isinstance(name, str) for name in frame.columns):
        raise errors.BadData("a DataFrame's columns must be named by different texts")
    checks = [
        ("boolean", pd.api.types.is_bool_dtype),
        ("integer", pd.api.types.is_integer_dtype),
        ("number", pd.api.types.is_float_dtype),
        ("datetime", pd.api.types.is_datetime64_any_dtype),
        ("category", lambda dtype: isinstance(dtype, pd.CategoricalDtype)),
    ]
    types = {
        name: next(kind for kind, check in checks if check(dtype))
        for name, dtype in frame.dtypes.items()
        if any(check(dtype) for _, check in checks)
    }
    return frame.to_csv(index=False).encode(), types
