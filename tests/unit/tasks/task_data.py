"""Rows as a Parquet file with its dataset version, and the files of a task in memory."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from common.learning.evaluation_request import complete_evaluation
from common.learning.request import complete_training
from evaluation_service.tasks import evaluate
from tests.unit.learning.requests import evaluation, training
from training_service.tasks import train

TYPES = {
    "size": "number", "count": "integer", "colour": "category", "heavy": "boolean", "seen": "datetime",
    "remark": "text", "kind": "category", "sort": "category", "weight": "number", "level": "integer",
}  # fmt: skip


@dataclass
class MemoryFiles:
    """The files of one task: `dataset` on disk, the rest in memory; `steps` are what it told."""

    dataset: Path
    outputs: dict[str, bytes] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def input(self, name: str) -> Path:
        assert name == "dataset"
        return self.dataset

    def read(self, name: str) -> bytes:
        return self.outputs[name]

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        stream = io.BytesIO()
        yield stream
        self.outputs[name] = stream.getvalue()

    def output_path(self, name: str) -> Path:
        raise AssertionError(f"no plain output {name}")

    def progress(self, step: str, fraction: float | None = None, message: str = "") -> None:
        if self.steps[-1:] != [step]:
            self.steps.append(step)


def table(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Rows with every column type, some values missing, and targets that can be learned: kind, sort, weight, level."""
    random = np.random.default_rng(seed)
    size = random.normal(size=rows)
    frame = pd.DataFrame(
        {
            "size": size,
            "count": random.integers(0, 50, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "heavy": random.choice([True, False], rows),
            "seen": pd.date_range("2026-01-01", periods=rows, tz="UTC"),
            "remark": [f"remark {number}" for number in range(rows)],
            "kind": np.where(size + random.normal(size=rows) / 3 > 0, "yes", "no"),
            "sort": np.array(["a", "b", "c"])[np.digitize(size + random.normal(size=rows) / 3, [-0.5, 0.5])],
            "weight": 3 * size + random.normal(size=rows),
            "level": np.digitize(size, [-0.5, 0.5]),
        }
    )
    return frame.astype({"heavy": object, "count": "Int64"})


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows without some values of each feature, and without three of each target."""
    frame = frame.copy()
    for start, name in enumerate(("size", "count", "colour", "heavy")):
        frame.loc[frame.index[start::17], name] = None
    for name in ("kind", "sort", "weight"):
        frame.loc[frame.index[5:8], name] = None
    return frame


def version(frame: pd.DataFrame, types: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    columns = [
        {
            "name": name,
            "type": (types or TYPES)[name],
            "missing": int(frame[name].isna().sum()),
            "distinct": frame[name].nunique(),
        }
        for name in frame
    ]
    identity = {"id": "ds_1", "name": "things", "version": 1, "digest": "sha256:ab"}
    return {**identity, "rows": len(frame), "columns": columns, **fields}


@dataclass
class Trained:
    """A training that was run: its completed request, its result, and the files with the artifact."""

    request: dict[str, Any]
    result: dict[str, Any]
    files: MemoryFiles

    def evaluate(
        self,
        measures: list[str] | None = None,
        dataset: dict[str, Any] | None = None,
        path: Path | None = None,
        processes: int = 1,
        **more: Any,
    ) -> dict[str, Any]:
        model = {"request": self.request, "result": self.result}
        completed, flaws = complete_evaluation(evaluation(measures=measures, **more), model, dataset)
        assert flaws == []
        files = MemoryFiles(path or self.files.dataset, self.files.outputs)
        allowed = self.request["packages"]
        more = {"threads": 1, "processes": processes, "packages": allowed}
        asked = {**completed, "training": model, "dataset": dataset, **more}
        return as_json(evaluate.run(as_json(asked), files))


class Workshop:
    """Writes frames as Parquet files and trains on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.packages: list[str] = []

    def save(self, frame: pd.DataFrame, name: str = "things") -> Path:
        path = self._folder / f"{name}.parquet"
        frame.to_parquet(path)
        return path

    def train(self, frame: pd.DataFrame, types: dict[str, str] | None = None, **asked: Any) -> Trained:
        files = MemoryFiles(self.save(frame))
        completed, flaws = complete_training(training(**{"target": "kind", **asked}), version(frame, types))
        assert flaws == []
        request = as_json({**completed, "threads": 1, "packages": self.packages})
        return Trained(request, as_json(train.run(request, files)), files)


def as_json(document: dict[str, Any]) -> dict[str, Any]:
    """What is left of a document after its way through JSON, which knows no NaN."""
    parsed: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return parsed
