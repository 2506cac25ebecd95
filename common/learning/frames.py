"""Stored tables as pandas DataFrames: what `content?format=parquet` gives when pandas reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table, or some of its columns in the order asked for.

    pandas' own reading, so that a person with the downloaded file has the same frame: a missing text is NaN, an integer
    or boolean column with missing values becomes float or object.
    """
    return pd.read_parquet(path, columns=None if columns is None else list(columns))
