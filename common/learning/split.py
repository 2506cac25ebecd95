"""The division of rows into those to learn from and those held out, the same for the same seed and data."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from common import errors
from common.learning.algorithms.entry import CLASSIFICATION, UNSUPERVISED
from common.learning.notes import Notes
from common.learning.sample import Sample


@dataclass(frozen=True)
class Split:
    """Positions of the rows of both parts, ascending, among the rows that have a target."""

    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    stratified: bool

    def digest(self, dataset_digest: str) -> str:
        """Names this division of this dataset: sha256 over the dataset's digest and both lists of positions."""
        seen = hashlib.sha256(dataset_digest.encode())
        for name, part in (("train", self.train), ("test", self.test)):
            seen.update(f"\n{name} {len(part)}\n".encode())
            seen.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return f"sha256:{seen.hexdigest()}"


def of(rows: Sample, request: Mapping[str, Any], notes: Notes) -> Split:
    """The division that a completed training request asks for.

    Without a target all rows are learned from: there is nothing that rows held out could be compared with.
    """
    if request["task"] in UNSUPERVISED:
        return Split(np.arange(len(rows)), np.arange(0), False)
    return divide(rows.target, request["task"], request["split"], notes)


def divide(target: np.ndarray[Any, Any], task: str, asked: Mapping[str, Any], notes: Notes) -> Split:
    """Divide rows by `asked` (`test_share`, `seed`, `stratify`, `train_rows`).

    `stratify` "auto" keeps the shares of the classes where that is possible, and notes where it is not; true raises
    `errors.BadData` then. Classes of a single row are learned from, and the others divided by their shares.
    """
    rows = len(target)
    held_out = math.ceil(rows * asked["test_share"])
    if rows - held_out < 2 or held_out < 1:
        raise errors.BadData(f"{rows} rows with a target are too few to hold out {asked['test_share']:g} of them")
    codes: np.ndarray[Any, Any] | None = None
    obstacle: str | None = "there are no classes"
    single = np.zeros(rows, dtype=bool)
    if task == CLASSIFICATION:
        codes, _ = pd.factorize(target, sort=True)  # small integers: text would be sorted again and again
        counts = np.bincount(codes)
        single = counts[codes] == 1
        obstacle = _obstacle(counts, rows - held_out, held_out)
    stratified = obstacle is None and asked["stratify"] is not False
    if obstacle and asked["stratify"] is True:
        raise errors.BadData(f'the rows cannot be divided by class: {obstacle}; leave split.stratify at "auto"')
    if obstacle and asked["stratify"] == "auto" and task == CLASSIFICATION:
        notes.add(f"the rows were divided without regard to class: {obstacle}")
    divided, codes = (np.flatnonzero(~single), codes) if stratified else (np.arange(rows), None)
    if stratified and single.any():
        names = ", ".join(repr(label) for label in target[single][:5].tolist())
        notes.add(f"learned from and not held out, because its class has a single row: {names}")
    train, test = train_test_split(
        divided,
        test_size=held_out,
        random_state=asked["seed"],
        stratify=None if codes is None else codes[divided],
    )
    if stratified:
        train = np.concatenate([train, np.flatnonzero(single)])
    most = asked.get("train_rows")
    if most is not None and most < len(train):
        train = fewer(train, most, None if codes is None else codes[train], asked["seed"])
    return Split(np.sort(train), np.sort(test), stratified)


def fewer(
    train: np.ndarray[Any, Any], most: int, codes: np.ndarray[Any, Any] | None, seed: int
) -> np.ndarray[Any, Any]:
    """`most` of the rows, with the shares of the classes if these are given: each class has a row before any has two.

    The rows of a smaller number are among those of a larger one.
    """
    shuffled = np.random.default_rng(seed).permutation(len(train))
    if codes is None:
        return train[shuffled[:most]]
    classes = pd.Series(codes[shuffled])
    place = classes.groupby(classes).cumcount() / classes.map(classes.value_counts())
    return train[shuffled[np.argsort(place.to_numpy(), kind="stable")[:most]]]


def _obstacle(counts: np.ndarray[Any, Any], train: int, test: int) -> str | None:
    """Why the parts cannot both have the shares of the classes with more than one row, or None."""
    classes, single = int((counts > 1).sum()), int((counts == 1).sum())
    if not classes:
        return "every class has a single row"
    if min(train - single, test) < classes:
        return f"{max(0, min(train - single, test))} rows cannot hold {classes} classes"
    return None
