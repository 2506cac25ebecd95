"""How each column is to be prepared for an estimator: what fits its type unless a request chooses, as plain data.

    number    impute median (mean, most_frequent, constant) · scale standard (minmax, robust, none)
    integer   as number, or encode one_hot, ordinal
    boolean   impute median (mean) · scale none (standard, minmax, robust), or encode one_hot
    category  encode one_hot (ordinal, hashing) · impute none (most_frequent, constant): missing is a value too
    text      encode hashing, if asked for; else it is no feature

Pure: what scikit-learn makes of it is in `preprocessing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Flaw
from common.learning.choice import USABLE, Columns, unknown_column

MOST_CATEGORIES = 50
"""Columns that one category may become unless told: the rarest values beyond share one."""
HASHED = 256
"""Columns that a text becomes unless told."""
ONE_HOT, ORDINAL, HASHING, DROP = "one_hot", "ordinal", "hashing", "drop"

Settings = Mapping[str, Any]
"""`impute fill_value encode categories min_frequency max_categories n_features scale`, those that are used."""

_IMPUTES = {
    "number": ("mean", "median", "most_frequent", "constant"),
    "integer": ("mean", "median", "most_frequent", "constant"),
    "boolean": ("mean", "median"),
    "category": ("most_frequent", "constant"),
    "text": ("constant",),
}
_ENCODES = {
    "number": (),
    "integer": (ONE_HOT, ORDINAL),
    "boolean": (ONE_HOT,),
    "category": (ONE_HOT, ORDINAL, HASHING),
    "text": (HASHING,),
}
_KEYS = ("impute", "fill_value", "encode", "categories", "min_frequency", "max_categories", "n_features", "scale")
_ONLY_WITH = {
    "min_frequency": (ONE_HOT, ORDINAL),
    "max_categories": (ONE_HOT, ORDINAL),
    "categories": (ORDINAL,),
    "n_features": (HASHING,),
}


def automatic(kind: str) -> dict[str, Any]:
    """The settings for a column of this type of which nothing was said."""
    if kind == "category":
        return {"encode": ONE_HOT, "max_categories": MOST_CATEGORIES}
    return {"impute": "median"} if kind == "boolean" else {"impute": "median", "scale": "standard"}


def settings_of(request: Mapping[str, Any], column: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a column in a completed request."""
    chosen = ((request.get("preprocessing") or {}).get("columns") or {}).get(column["name"])
    return dict(chosen) if chosen else automatic(column["type"])


def chosen_columns(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a request says of columns, without what it leaves open."""
    given = (request.get("preprocessing") or {}).get("columns") or {}
    return {name: {key: value for key, value in said.items() if value is not None} for name, said in given.items()}


def by_type(request: Mapping[str, Any], columns: Columns, flaws: list[Flaw]) -> dict[str, Any]:
    """The request with what it says of types said of each column of that type instead.

    Left as they are: columns of which it says something itself, the target, and what it excludes. What is wrong with a
    type is added to `flaws`, once, and is said of no column.
    """
    told = request.get("preprocessing") or {}
    types, own = told.get("types") or {}, told.get("columns") or {}
    chosen = set(request.get("features") or columns) - {*own, request.get("target"), *(request.get("exclude") or ())}
    more: dict[str, Any] = {}
    for kind, given in types.items():
        said = {key: value for key, value in given.items() if value is not None}
        before = len(flaws)
        if not ignored(said):
            _completed(f"/preprocessing/types/{kind}", kind, said, flaws)
        if len(flaws) == before:
            more |= {name: given for name in columns if name in chosen and columns[name]["type"] == kind}
    if not types:
        return dict(request)
    return {**request, "preprocessing": {**told, "types": {}, "columns": {**more, **own}}}


def ignored(said: Settings) -> bool:
    """Whether a column is to be left out."""
    return bool(said.get("ignore")) or said.get("encode") == DROP


def about_features(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """The columns that a request ignores, and those that it hashes: what `choice.feature_names` has to know."""
    chosen = chosen_columns(request)
    return {
        "ignored": [name for name, said in chosen.items() if ignored(said)],
        "hashed": [name for name, said in chosen.items() if said.get("encode") == HASHING and not ignored(said)],
    }


def can_be_feature(kind: str, said: Settings | None) -> bool:
    """Whether a column can be learned from, given what a request says of it."""
    return kind in USABLE or (kind == "text" and (said or {}).get("encode") == HASHING)


def complete_preparation(
    request: Mapping[str, Any], features: Sequence[str], columns: Columns, flaws: list[Flaw]
) -> dict[str, dict[str, Any]]:
    """The settings of each column of which a request says something, with the defaults that its type needs.

    Columns that it ignores are not among them: they are no features. What is wrong is added to `flaws`.
    """
    completed = {}
    for name, said in chosen_columns(request).items():
        pointer = f"/preprocessing/columns/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in columns:
            flaws.append(unknown_column(pointer, name, columns))
        elif ignored(said):
            _check_ignored(request, pointer, name, said, flaws)
        elif name not in features:
            what = "the target" if name == request.get("target") else "no feature"
            flaws.append(Flaw(pointer, "conflict", f"column {name!r} is {what}: there is nothing to prepare"))
        else:
            completed[name] = _completed(pointer, str(columns[name]["type"]), said, flaws)
    return completed


def _check_ignored(request: Mapping[str, Any], pointer: str, name: str, said: Settings, flaws: list[Flaw]) -> None:
    if name in (request.get("features") or ()):
        flaws.append(Flaw(pointer, "conflict", f"column {name!r} is among the features; it cannot be ignored too"))
    others = [key for key in said if key not in ("ignore", "encode")]
    if others:
        flaws.append(Flaw(f"{pointer}/{others[0]}", "conflict", f"column {name!r} is ignored: leave out {others[0]}"))


def _completed(pointer: str, kind: str, said: Settings, flaws: list[Flaw]) -> dict[str, Any]:
    settings = _with_defaults(pointer, kind, said, flaws)
    return {key: settings[key] for key in _KEYS if key in settings}


def _with_defaults(pointer: str, kind: str, said: Settings, flaws: list[Flaw]) -> dict[str, Any]:
    settings = {key: value for key, value in said.items() if key != "ignore"}
    share = settings.get("min_frequency", 0)
    if share >= 1:
        settings["min_frequency"] = int(share)
        if share != int(share):
            detail = f"min_frequency is a share below 1, or a whole number of rows; {share:g} is neither"
            flaws.append(Flaw(f"{pointer}/min_frequency", "range", detail))
    if kind not in _IMPUTES:
        flaws.append(Flaw(pointer, "column_type", f"a {kind} column cannot be prepared: it is no feature"))
        return settings
    encode = settings.get("encode") or (ONE_HOT if kind == "category" else None)
    before = len(flaws)
    _check_option(f"{pointer}/encode", "encode", settings.get("encode"), kind, _ENCODES[kind], flaws)
    _check_option(f"{pointer}/impute", "impute", settings.get("impute"), kind, _IMPUTES[kind], flaws)
    if kind == "integer" and encode and settings.get("impute") in ("mean", "median"):
        detail = f"what is encoded by {encode} are values, not amounts: impute most_frequent or constant"
        flaws.append(Flaw(f"{pointer}/impute", "conflict", detail, ("most_frequent", "constant")))
    if encode == HASHING and settings.get("impute") == "most_frequent":
        detail = "a hash has no need of the most frequent value: leave it out, or impute constant"
        flaws.append(Flaw(f"{pointer}/impute", "conflict", detail, ("constant",)))
    if encode in (ONE_HOT, HASHING) and settings.get("scale") not in (None, "none"):
        flaws.append(Flaw(f"{pointer}/scale", "conflict", f"what is encoded by {encode} is not scaled"))
    for key, encodes in _ONLY_WITH.items():
        if key in settings and encode not in encodes:
            detail = f"{key} goes with encode {' or '.join(encodes)} only"
            flaws.append(Flaw(f"{pointer}/{key}", "conflict", detail))
    if "categories" in settings and {"min_frequency", "max_categories"} & settings.keys():
        detail = "an order of categories leaves none to group: leave out min_frequency and max_categories"
        flaws.append(Flaw(f"{pointer}/categories", "conflict", detail))
    _check_values(pointer, kind, settings, flaws)
    if len(flaws) > before:
        return settings
    if encode is None:
        return {**automatic(kind), **settings}
    settings["encode"] = encode
    if encode == ONE_HOT and "min_frequency" not in settings:
        settings.setdefault("max_categories", MOST_CATEGORIES)
    if encode == HASHING:
        settings.setdefault("n_features", HASHED)
    return settings


def _check_option(
    pointer: str, key: str, value: str | None, kind: str, options: Sequence[str], flaws: list[Flaw]
) -> None:
    if key == "encode" and value is None and kind == "text":
        detail = "a text is learned from by encode hashing only; say so, or leave it out"
        flaws.append(Flaw(pointer, "required", detail, tuple(options)))
    elif value is not None and value not in options:
        there = f"there are: {', '.join(options)}" if options else "there is none"
        flaws.append(Flaw(pointer, "option", f"{key} {value} is not for {kind} columns; {there}", tuple(options)))


def _check_values(pointer: str, kind: str, settings: Settings, flaws: list[Flaw]) -> None:
    """Values that stand for cells of the column are of its type."""
    if settings.get("impute") == "constant":
        value = settings.get("fill_value")
        if value is None:
            if kind in ("number", "integer"):
                flaws.append(Flaw(f"{pointer}/fill_value", "required", "say what to put in: fill_value"))
        elif not _fits(value, kind):
            detail = f"{value!r} cannot be a value of a {kind} column"
            flaws.append(Flaw(f"{pointer}/fill_value", "type", detail))
    elif "fill_value" in settings:
        flaws.append(Flaw(f"{pointer}/fill_value", "conflict", "fill_value goes with impute constant only"))
    order = settings.get("categories") or ()
    if any(not _fits(value, kind) for value in order):
        flaws.append(Flaw(f"{pointer}/categories", "type", f"the categories of a {kind} column are of its type"))
    elif len(set(order)) < len(order):
        flaws.append(Flaw(f"{pointer}/categories", "duplicate", "a category is there twice"))


def _fits(value: Any, kind: str) -> bool:
    if kind in ("category", "text"):
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool) and (kind == "number" or value == int(value))
