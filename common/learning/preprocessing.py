"""Columns prepared for an estimator by their type, with public classes of scikit-learn only.

Numbers: the median for missing values, then zero mean and unit variance. Booleans: 0 and 1, the median for missing
ones. Categories: one column per value; missing is a value too; the rarest beyond a limit share a column, and what was
never seen has none. Datetime and text columns cannot be features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from common import errors
from common.learning.choice import USABLE
from common.learning.notes import Notes

MOST_CATEGORIES = 50
PREPARE, ESTIMATE = "prepare", "estimate"


def usable(columns: Sequence[Mapping[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    """The columns that can be features; a note names the others. Raises `errors.BadData` if none is left."""
    kept = [{"name": column["name"], "type": column["type"]} for column in columns if column["type"] in USABLE]
    for kind in ("datetime", "text"):
        left_out = [column["name"] for column in columns if column["type"] == kind]
        if left_out:
            notes.add(f"left out, because {kind} columns cannot be features: {', '.join(left_out)}")
    if not kept:
        raise errors.BadData("no column is left to learn from: give columns another type, or choose other features")
    return kept


def pipeline(columns: Sequence[Mapping[str, Any]], estimator: Any, *, dense: bool) -> Pipeline:
    """An unfitted pipeline over a frame with these columns: `prepare`, then `estimate`."""
    by_type: dict[str, list[str]] = {"number": [], "boolean": [], "category": []}
    for column in columns:
        by_type["number" if column["type"] == "integer" else column["type"]].append(column["name"])
    steps = [(kind, _transformer(kind), names) for kind, names in by_type.items() if names]
    prepare = ColumnTransformer(steps, sparse_threshold=0.0 if dense else 0.3)
    return Pipeline([(PREPARE, prepare), (ESTIMATE, estimator)])


def input_names(fitted: Pipeline) -> list[str]:
    """The names of the estimator's inputs: the column, for a category with its value behind it."""
    names = fitted.named_steps[PREPARE].get_feature_names_out()
    return [str(name).partition("__")[2] for name in names]


def _transformer(kind: str) -> Any:
    if kind == "category":
        return OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES)
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return impute if kind == "boolean" else Pipeline([("impute", impute), ("scale", StandardScaler())])
