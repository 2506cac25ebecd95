"""What people type as values: parameters, durations, sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def value(told: str) -> Any:
    """JSON if it is JSON, else the text itself: `3` is a number, `l2` and `"3"` are text."""
    try:
        return json.loads(told, parse_constant=_refuse)
    except ValueError:
        return told


def assignments(told: Iterable[str], option: str) -> list[tuple[str, str]]:
    """Name and value of each `NAME=VALUE`."""
    pairs = []
    for each in told:
        name, sign, rest = each.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"{option} {each!r} is not NAME=VALUE")
        pairs.append((name.strip(), rest))
    return pairs


def types(told: Iterable[str]) -> dict[str, str]:
    """The type of each column from `COL=TYPE`; names of columns may contain `=`, types do not."""
    found = {}
    for each in told:
        column, sign, kind = each.rpartition("=")
        if not sign or not column or not kind:
            raise typer.BadParameter(f"--type {each!r} is not COL=TYPE")
        found[column] = kind
    return found


_CHOICES = {
    **dict.fromkeys(("mean", "median", "most_frequent", "constant"), "impute"),
    **dict.fromkeys(("standard", "minmax", "robust", "none"), "scale"),
    **dict.fromkeys(("one_hot", "ordinal", "hashing", "drop"), "encode"),
}
_DETAILS = ("fill_value", "min_frequency", "max_categories", "n_features", "categories", "impute", "scale", "encode")


def preparations(told: Iterable[str], option: str = "--prepare") -> dict[str, dict[str, Any]]:
    """What is said of each column or type in `NAME=CHOICE[,CHOICE…]`, such as `mean`, `max_categories:20`, `ignore`.

    `constant:0` is a constant with its value; `categories:low|medium|high` an order. Names of columns may contain `=`.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in told:
        column, sign, choices = each.rpartition("=")
        if not sign or not column or not choices:
            raise typer.BadParameter(f"{option} {each!r} is not NAME=CHOICE,…")
        said = found.setdefault(column, {})
        for choice in choices.split(","):
            name, colon, rest = choice.strip().partition(":")
            if name == "ignore" and not colon:
                said["ignore"] = True
            elif name == "constant" and colon:
                said |= {"impute": "constant", "fill_value": value(rest)}
            elif name in _CHOICES and not colon:
                said[_CHOICES[name]] = name
            elif name in _DETAILS and colon:
                said[name] = [value(one) for one in rest.split("|")] if name == "categories" else value(rest)
            else:
                there = ", ".join(("ignore", *_CHOICES, *(f"{detail}:…" for detail in _DETAILS[:5])))
                raise typer.BadParameter(f"{option} {each!r}: {choice!r} is no choice; there are: {there}")
    return found


def parameters(told: Iterable[str], algorithms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The parameters of each algorithm from `[ALGORITHM.]NAME=VALUE`; without an algorithm they are for all.

    What names an algorithm wins over what is for all, wherever it stands.
    """
    common: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {algorithm: {} for algorithm in algorithms}
    for name, text in assignments(told, "-p"):
        # Longest first: qualified names contain dots themselves.
        owner = next((a for a in sorted(algorithms, key=len, reverse=True) if name.startswith(f"{a}.")), None)
        if owner is None:
            common[name] = value(text)
        else:
            own[owner][name.removeprefix(f"{owner}.")] = value(text)
    return {algorithm: {**common, **mine} for algorithm, mine in own.items()}


def spaces(told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Parameters of algorithms as what a search tries: a text `LOW..HIGH` is a range."""
    return {
        algorithm: {name: _range(given) or given for name, given in space.items()} for algorithm, space in told.items()
    }


def _range(told: Any) -> dict[str, float] | None:
    match = _RANGE.fullmatch(told) if isinstance(told, str) else None
    return {"low": json.loads(match[1]), "high": json.loads(match[2])} if match else None


def names(told: Iterable[str]) -> list[str]:
    """Names given one by one or separated by commas; as a JSON list, where names contain commas."""
    found: list[str] = []
    for each in told:
        listed = value(each) if each.startswith("[") else None
        found += map(str, listed) if isinstance(listed, list) else each.split(",")
    return [name.strip() for name in found if name.strip()]


def picture(told: str | None) -> str | None:
    """The name of a file that a picture can be written to."""
    if told is not None and not told.lower().endswith((".svg", ".png")):
        raise typer.BadParameter(f"--out {told!r} is no name of a picture: it ends in .svg or .png")
    return told


def artifact_format(told: str) -> None:
    """Refuse what is no form of a model."""
    if told not in ("skops", "onnx"):
        raise typer.BadParameter(f"--format {told!r} is neither skops nor onnx")


def duration(told: str) -> int:
    """Whole seconds of `90`, `15m`, `12h`, `30d`, `2w`."""
    match = _DURATION.fullmatch(told.strip())
    if match is None or not (seconds := int(float(match[1]) * _SECONDS[(match[2] or "s").lower()])):
        raise typer.BadParameter(f"{told!r} is not a duration such as 90s, 15m, 12h or 30d")
    return seconds


def size(told: str) -> int:
    """Bytes of `512M`, `2GiB`, `1500000`; powers of 1024."""
    match = _SIZE.fullmatch(told.strip())
    if match is None or not (count := int(float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " "))):
        raise typer.BadParameter(f"{told!r} is not a size such as 512M or 2G")
    return count


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
