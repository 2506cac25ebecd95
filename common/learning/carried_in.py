"""The five datasets that scikit-learn carries, as CSV with readable names of columns and classes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn import datasets

from common import errors

_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
}
NAMES = tuple(_TARGETS)


def builtin(name: str) -> bytes:
    """A carried-in dataset as CSV: the features, then the target. `errors.NotFound` if there is none of that name."""
    if name not in _TARGETS:
        raise errors.NotFound(f"There is no carried-in dataset {name!r}; there are {', '.join(NAMES)}.")
    # `scaled=False`: the measured values of diabetes instead of standardised ones.
    more: dict[str, Any] = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**more)
    frame = pd.DataFrame(bunch.data, columns=[_readable(feature) for feature in bunch.feature_names])
    if name == "digits":
        frame = frame.astype(int)
    frame[_TARGETS[name]] = _target(name, bunch)
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text.encode()


def _target(name: str, bunch: Any) -> list[Any]:
    if name in ("digits", "diabetes"):
        return [int(value) for value in bunch.target]
    return [str(bunch.target_names[value]) for value in bunch.target]


def _readable(feature: str) -> str:
    """`sepal length (cm)` -> `sepal_length_cm`; `od280/od315_of_diluted_wines` -> `od280_od315_of_diluted_wines`."""
    kept = "".join(character if character.isalnum() else " " for character in feature)
    return "_".join(kept.split())
