"""Columns prepared for an estimator as `preparation` says, with public classes of scikit-learn only.

Only what the rows to learn from show is learned. Values that were never seen have no column of one_hot, and -1 in
ordinal (missing ones -2, unless they are imputed); where rare ones share a column, unseen ones do too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import column_or_1d

from common import errors
from common.learning.notes import Notes
from common.learning.preparation import (
    HASHING,
    Settings,
    automatic,
    can_be_feature,
    settings_of,
)

PREPARE, ESTIMATE = "prepare", "estimate"
_SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
_UNKNOWN, _MISSING = -1, -2
_AUTOMATIC: Mapping[str, Any] = {}


def usable(
    columns: Sequence[Mapping[str, Any]], notes: Notes, request: Mapping[str, Any] = _AUTOMATIC
) -> list[dict[str, Any]]:
    """The columns that can be features; a note names the others. Raises `errors.BadData` if none is left."""
    chosen = (request.get("preprocessing") or {}).get("columns") or {}
    kept = [
        {"name": column["name"], "type": column["type"]}
        for column in columns
        if can_be_feature(column["type"], chosen.get(column["name"]))
    ]
    names = {column["name"] for column in kept}
    for kind, hint in (("datetime", ""), ("text", " unless they are prepared by hashing")):
        left_out = [column["name"] for column in columns if column["type"] == kind and column["name"] not in names]
        if left_out:
            notes.add(f"left out, because {kind} columns cannot be features{hint}: {', '.join(left_out)}")
    if not kept:
        raise errors.BadData("no column is left to learn from: give columns another type, or choose other features")
    return kept


def pipeline(
    columns: Sequence[Mapping[str, Any]], estimator: Any, *, dense: bool, request: Mapping[str, Any] = _AUTOMATIC
) -> Pipeline:
    """An unfitted pipeline over a frame with these columns: `prepare`, then `estimate`."""
    steps = [
        (group.name, _transformer(group.kind, group.settings), group.columns) for group in _groups(columns, request)
    ]
    prepare = ColumnTransformer(steps, sparse_threshold=0.0 if dense else 0.3)
    return Pipeline([(PREPARE, prepare), (ESTIMATE, estimator)])


def described(columns: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is done to which columns, as a result shows it: columns that are prepared alike are listed together."""
    return [{"columns": group.columns, "type": group.kind, **group.settings} for group in _groups(columns, request)]


def input_names(fitted: Pipeline) -> list[str]:
    """The names of the estimator's inputs: the column, for a category with its value, for a hash with its number."""
    names: list[str] = []
    for _, transformer, columns in fitted.named_steps[PREPARE].transformers_:
        last = transformer.steps[-1][1] if isinstance(transformer, Pipeline) else transformer
        if isinstance(last, FeatureHasher | HashingVectorizer):
            names += [f"{columns[0]}_{number}" for number in range(last.n_features)]
        elif not isinstance(transformer, str):  # of what remains: nothing
            names += map(str, transformer.get_feature_names_out(columns))
    return names


class _Group:
    """Columns of one kind that are prepared alike; integers are a kind of their own where they are encoded."""

    def __init__(self, name: str, kind: str, settings: Settings) -> None:
        self.name, self.kind, self.settings = name, kind, settings
        self.columns: list[str] = []


def _groups(columns: Sequence[Mapping[str, Any]], request: Mapping[str, Any]) -> Collection[_Group]:
    """Those of which nothing was said first, in the order of number, boolean, category."""
    found: dict[str, _Group] = {}
    for kind in ("number", "boolean", "category"):
        found[_alike(kind, automatic(kind))] = _Group(kind, kind, automatic(kind))
    for column in columns:
        settings = settings_of(request, column)
        kind = "number" if column["type"] == "integer" and "encode" not in settings else column["type"]
        # A hash mixes what it gets: each column has its own, and so has one whose categories are in an order.
        alone = settings.get("encode") == HASHING or "categories" in settings
        key = _alike(kind, settings) + (json.dumps(column["name"]) if alone else "")
        group = found.setdefault(key, _Group(f"{kind}{len(found) + 1}", kind, settings))
        group.columns.append(column["name"])
    return [group for group in found.values() if group.columns]


def _alike(kind: str, settings: Settings) -> str:
    return kind + json.dumps(settings, sort_keys=True)


def _transformer(kind: str, settings: Settings) -> Any:
    steps = [("impute", _imputer(kind, settings)), ("encode", _encoder(kind, settings)), ("scale", _scaler(settings))]
    if settings.get("encode") == HASHING and kind == "text":
        # A vectorizer takes a list of texts, not a table with one column.
        steps.insert(1, ("texts", FunctionTransformer(column_or_1d)))
    used = [(name, step) for name, step in steps if step is not None]
    if not used:
        return "passthrough"
    return used[0][1] if len(used) == 1 else Pipeline(used)


def _imputer(kind: str, settings: Settings) -> Any:
    strategy = settings.get("impute")
    if settings.get("encode") == HASHING:
        return SimpleImputer(strategy="constant", fill_value=settings.get("fill_value") or "", keep_empty_features=True)
    if strategy is None:
        return None
    if strategy != "constant":
        return SimpleImputer(strategy=strategy, keep_empty_features=True)
    value = settings.get("fill_value")
    if value is None:
        value = "missing"
    return SimpleImputer(strategy="constant", fill_value=value, keep_empty_features=True)


def _encoder(kind: str, settings: Settings) -> Any:
    rare = {name: settings.get(name) for name in ("min_frequency", "max_categories")}
    match settings.get("encode"):
        case "one_hot":
            return OneHotEncoder(handle_unknown="infrequent_if_exist", **rare)
        case "ordinal":
            order = settings.get("categories")
            return OrdinalEncoder(
                categories=[list(order)] if order else "auto",
                handle_unknown="use_encoded_value",
                unknown_value=_UNKNOWN,
                encoded_missing_value=_MISSING,
                **rare,
            )
        case "hashing":
            size = settings["n_features"]
            if kind == "text":
                return HashingVectorizer(n_features=size, alternate_sign=False)
            return FeatureHasher(n_features=size, input_type="string", alternate_sign=False)
    return None


def _scaler(settings: Settings) -> Any:
    scaler = _SCALERS.get(settings.get("scale") or "none")
    return None if scaler is None else scaler()
