"""The folds of a cross-validation: each row is held out once, or in the order of time those after the ones before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from common import errors
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.notes import Notes

Fold = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Positions of the rows to learn from, and of those held out."""


def of(target: np.ndarray[Any, Any], by: pd.Series[Any] | None, task: str, asked: Mapping[str, Any]) -> list[Fold]:
    """The folds, the same for the same seed and rows; `asked` is `contracts.jobs.CrossValidation`.

    `by` is the column that groups or orders the rows. Rows of one group stay together; in the order of time a fold
    learns from earlier rows only. Classes keep their shares where that is possible. Raises `errors.BadData` where the
    rows cannot be divided so.
    """
    count, seed, rows = asked["folds"], asked["seed"], np.arange(len(target))
    if len(target) < 2 * count:
        raise errors.BadData(f"{len(target)} rows are too few for {count} folds")
    codes = pd.factorize(target, sort=True)[0] if task == CLASSIFICATION else None
    if by is not None and by.isna().any():
        raise errors.BadData(
            f"column {by.name!r} is missing in {int(by.isna().sum())} rows: no fold can be told for them"
        )
    if asked["method"] == "time":
        assert by is not None
        order = np.argsort(by.to_numpy(), kind="stable")
        return [(order[train], order[test]) for train, test in TimeSeriesSplit(count).split(rows)]
    if asked["method"] == "grouped":
        assert by is not None
        groups = pd.factorize(by)[0]
        if groups.max() + 1 < count:
            raise errors.BadData(f"column {by.name!r} has {groups.max() + 1} groups: too few for {count} folds")
        if codes is None:
            return list(GroupKFold(count, shuffle=True, random_state=seed).split(rows, groups=groups))
        with Notes().of_warnings("folds"):
            return list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(rows, codes, groups))
    if codes is None or np.bincount(codes).max() < count:
        return list(KFold(count, shuffle=True, random_state=seed).split(rows))
    with Notes().of_warnings("folds"):  # of classes with fewer rows than folds: their measures will say so
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(rows, codes))
