"""Rows to learn from or to measure with: features as a frame, the target as an array in its stored type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common import errors
from common.learning.algorithms.entry import UNSUPERVISED
from common.learning.casting import cast
from common.learning.frames import read_frame


@dataclass(frozen=True)
class Sample:
    """Rows whose target is known. `features` and `target` have the same length and order.

    For a task without a target all rows, and an empty target.
    """

    features: pd.DataFrame
    target: np.ndarray[Any, Any]
    dropped: int
    """Rows left out because they have no target."""

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, positions: np.ndarray[Any, Any]) -> Sample:
        """Some of the rows, by position."""
        target = self.target[positions] if len(self.target) else self.target
        return Sample(self.features.iloc[positions], target, self.dropped)


def target_of(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Name and type of the target of a completed training request; None for a task without one."""
    if request["task"] in UNSUPERVISED:
        return None
    return {"name": request["target"], "type": request["target_type"]}


_NO_TARGET: np.ndarray[Any, Any] = np.zeros(0)


def read(path: Path, columns: Sequence[Mapping[str, Any]], target: Mapping[str, Any] | None) -> Sample:
    """The rows of a Parquet file that have a target; `columns` and `target` are `{name, type}`.

    Features stay as `pandas.read_parquet` gives them. Raises `errors.BadData` for values no estimator can take.
    """
    names = [column["name"] for column in columns]
    frame = read_frame(path, _named(names, target))
    _refuse_infinite(frame)
    return _with_target(frame, names, target)


def read_other(
    path: Path, columns: Sequence[Mapping[str, Any]], target: Mapping[str, Any] | None
) -> tuple[Sample, dict[str, int]]:
    """The rows of a dataset that the training has not seen, its columns cast to the types of the training.

    Returns also how many values of which column could not be cast, and so are taken as missing.
    """
    names = [column["name"] for column in columns]
    frame = read_frame(path, _named(names, target))
    lost: dict[str, int] = {}
    for column in (*columns, *([target] if target else [])):
        values = cast(frame[column["name"]], column["type"])
        missing = int(values.isna().sum() - frame[column["name"]].isna().sum())
        if missing > 0:
            lost[column["name"]] = missing
        frame[column["name"]] = values
    _refuse_infinite(frame)
    return _with_target(frame, names, target), lost


def _named(names: Sequence[str], target: Mapping[str, Any] | None) -> list[str]:
    return [*names, *([target["name"]] if target else [])]


def _with_target(frame: pd.DataFrame, names: Sequence[str], target: Mapping[str, Any] | None) -> Sample:
    features = frame[list(names)]
    if target is None:
        return Sample(features, _NO_TARGET, 0)
    values = frame[target["name"]]
    known = values.notna().to_numpy()
    dropped = int((~known).sum())
    if dropped == len(values):
        raise errors.BadData(f"no row has a value of the target {target['name']!r}")
    kept = features[known] if dropped else features
    return Sample(kept.reset_index(drop=True), _labels(values[known], target["type"]), dropped)


def _labels(values: pd.Series[Any], kind: str) -> np.ndarray[Any, Any]:
    """The target as numpy stores its type: what `predict` will return."""
    wanted = {"number": np.float64, "integer": np.int64, "boolean": np.bool_}.get(kind, object)
    return np.asarray(values.astype(object)).astype(wanted)


def _refuse_infinite(frame: pd.DataFrame) -> None:
    for name in frame.select_dtypes("number"):
        if np.isinf(frame[name].to_numpy(dtype=float, na_value=np.nan)).any():
            raise errors.BadData(f"column {name!r} has infinite values; exclude it, or mark them as missing")
