"""How strongly two columns go together, as the figures that statistics names; pairs with a gap are left out.

Numbers are float64 with NaN for a gap, categories are codes from 0 with -1 for a gap.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.metrics import mutual_info_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.int64]]

_FEW = 3
_LEAF = 2
_LEAVES = 32
_ROWS_A_CLASS = 4
"""On average; with fewer there is nothing to learn a class from and another to predict it."""


def pearson(one: Numbers, two: Numbers) -> float | None:
    """Pearson's product-moment correlation, -1 to 1; None if a column is constant (Pearson 1896)."""
    one, two = _both(one, two)
    if len(one) < _FEW:
        return None
    one, two = one - one.mean(), two - two.mean()
    spread = math.sqrt(float(one @ one)) * math.sqrt(float(two @ two))
    return _within(float(one @ two) / spread, 1.0) if spread > 0 and math.isfinite(spread) else None


def spearman(one: Numbers, two: Numbers) -> float | None:
    """Spearman's rank correlation, -1 to 1, ties by their mean rank; None if a column is constant (Spearman 1904)."""
    one, two = _both(one, two)
    return pearson(rankdata(one), rankdata(two)) if len(one) >= _FEW else None


def correlations(frame: pd.DataFrame, method: str) -> list[list[float | None]]:
    """The matrix of all pairs of columns, `method` `pearson` or `spearman`; null where there is none."""
    with np.errstate(all="ignore"):
        found = frame.corr(method=method, min_periods=_FEW).to_numpy()
    return [[None if not math.isfinite(value) else round(_within(value, 1.0), 6) for value in row] for row in found]


def correlation_ratio(groups: Codes, numbers: Numbers) -> float | None:
    """η, the share of a number's spread that lies between groups: 0 to 1 (Pearson 1905; Fisher 1925)."""
    known = (groups >= 0) & ~np.isnan(numbers)
    groups, numbers = groups[known], numbers[known]
    if len(numbers) < _FEW:
        return None
    counts = np.bincount(groups)
    sums = np.bincount(groups, weights=numbers - numbers.mean())
    total = float(((numbers - numbers.mean()) ** 2).sum())
    if not total > 0 or not math.isfinite(total):
        return None
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum())
    return math.sqrt(_within(between / total, 1.0))


def cramers_v(one: Codes, two: Codes) -> float | None:
    """Cramér's V of two categories, 0 to 1, with the correction for bias of Bergsma (2013)."""
    one, two = one[(one >= 0) & (two >= 0)], two[(one >= 0) & (two >= 0)]
    count = len(one)
    if count < _FEW:
        return None
    rows, one = np.unique(one, return_inverse=True)
    columns, two = np.unique(two, return_inverse=True)
    if len(rows) < 2 or len(columns) < 2:
        return None
    # Only pairs that occur: a table of all categories could be larger than the data.
    pairs, observed = np.unique(one * len(columns) + two, return_counts=True)
    of_row, of_column = np.bincount(one), np.bincount(two)
    share = observed**2 / (of_row[pairs // len(columns)] * of_column[pairs % len(columns)])
    mean_square = float(share.sum()) - 1  # χ² / n
    less = (len(rows) - 1) * (len(columns) - 1) / (count - 1)
    sizes = [size - (size - 1) ** 2 / (count - 1) for size in (len(rows), len(columns))]
    return math.sqrt(_within(max(0.0, mean_square - less) / max(min(sizes) - 1, 1e-12), 1.0))


def mutual_information(values: Numbers | Codes, target: Numbers | Codes) -> float | None:
    """What one column tells of another, in nats; 0: nothing.

    Of two categories it is counted, without the bias that many rare values give (Miller 1955); with a number it is
    estimated by the nearest neighbours (Kraskov, Stögbauer, Grassberger 2004; Ross 2014), as scikit-learn does it.
    """
    values, target = _present(values, target)
    if len(values) < 2 * _FEW:
        return None
    if _is_codes(values) and _is_codes(target):
        bias = (len(np.unique(values)) - 1) * (len(np.unique(target)) - 1) / (2 * len(values))
        return max(0.0, float(mutual_info_score(values, target)) - bias)
    for kinds in (target, values):
        if _is_codes(kinds):  # a category of a single row has no neighbour, and the estimator no row left
            several = np.bincount(kinds)[kinds] > 1
            values, target = values[several], target[several]
            if len(values) < 2 * _FEW:
                return None
    estimate = mutual_info_classif if _is_codes(target) else mutual_info_regression
    found = estimate(values.reshape(-1, 1), target, discrete_features=_is_codes(values), random_state=0)
    return float(found[0])


def single_feature_score(values: Numbers | Codes, target: Numbers | Codes) -> float | None:
    """How well this column alone predicts the target on rows that it was not fitted on: 0 as by chance, 1 exactly.

    A decision tree learns from one half of the rows and is scored on the other: balanced accuracy adjusted for chance,
    or R² for a number, and never below 0. Gaps are values here: a column that is empty for one class tells it.
    """
    known = _known(target)
    target = target[known]
    inputs = _unit(values[known].astype(np.float64)).reshape(-1, 1)
    # Neighbours in the order of the target go to different halves: both have every class and the whole range.
    shuffled = np.random.default_rng(0).permutation(len(target))
    order = shuffled[np.argsort(target[shuffled], kind="stable")]
    learned, held = order[::2], order[1::2]
    if len(held) < 2 * _FEW:
        return None
    # Few leaves, so that a number is not learned by heart; as many as a category has values.
    leaves = max(_LEAVES, int(values.max()) + 2) if _is_codes(values) else _LEAVES
    options = {"max_leaf_nodes": leaves, "min_samples_leaf": _LEAF, "random_state": 0}
    if not _is_codes(target):
        tree = DecisionTreeRegressor(**options).fit(inputs[learned], target[learned])
        return _r2(target[held].astype(np.float64), tree.predict(inputs[held]))
    if len(np.unique(target)) > len(target) / _ROWS_A_CLASS:
        return None
    tree = DecisionTreeClassifier(**options, class_weight="balanced").fit(inputs[learned], target[learned])
    right = tree.predict(inputs[held]) == target[held]
    counts = np.bincount(target[held])
    recall = np.bincount(target[held], weights=right)[counts > 0] / counts[counts > 0]
    if len(recall) < 2:
        return None
    chance = 1 / len(recall)
    return max(0.0, (float(recall.mean()) - chance) / (1 - chance))


def _unit(values: Numbers) -> Numbers:
    """Scaled to 0 to 1: a tree takes its inputs in single precision, to which moments are all the same."""
    known = values[~np.isnan(values)]
    if not len(known) or known.max() == known.min():
        return np.where(np.isnan(values), np.nan, 0.0)
    scaled: Numbers = (values - known.min()) / (known.max() - known.min())
    return scaled


def _r2(actual: Numbers, predicted: Numbers) -> float | None:
    total = float(((actual - actual.mean()) ** 2).sum())
    if not total > 0 or not math.isfinite(total):
        return None
    return max(0.0, 1 - float(((actual - predicted) ** 2).sum()) / total)


def _is_codes(values: Numbers | Codes) -> bool:
    return values.dtype.kind == "i"


def _known(values: Numbers | Codes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    known: np.ndarray[Any, np.dtype[np.bool_]] = values >= 0 if _is_codes(values) else ~np.isnan(values)
    return known


def _present(one: Numbers | Codes, two: Numbers | Codes) -> tuple[Any, Any]:
    known = _known(one) & _known(two)
    return one[known], two[known]


def _both(one: Numbers, two: Numbers) -> tuple[Numbers, Numbers]:
    known = ~(np.isnan(one) | np.isnan(two))
    return one[known], two[known]


def _within(value: float, bound: float) -> float:
    """Without what rounding adds beyond the range."""
    return max(-bound, min(bound, float(value)))
