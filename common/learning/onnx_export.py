"""A trained pipeline as an ONNX model, kept only if it answers as the pipeline does on the rows held out.

Run in a process of its own, for it opens a model: `python -m common.learning.onnx_export FOLDER`. In the folder are
`training.json` ({request, result} of the training), `model.skops` and `dataset.parquet`; it writes `report.json`, and
`model.onnx` if the model can be offered. Needs the extra `onnx` (skl2onnx, onnxruntime).

Columns are inputs of their own: categories are text, `nan` where they are missing; all others are 32-bit floats.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from common import errors
from common.learning import artifact, sample, split
from common.learning.algorithms.entry import CLASSIFICATION
from common.learning.notes import Notes, first_sentence
from common.learning.preprocessing import PREPARE

MOST_DIFFERENT = 0.001
"""Share of rows that may be answered otherwise: another label, or a figure further away than `APART`."""
APART, ON_AVERAGE = 0.05, 0.001
"""How far probabilities, or numbers as a share of their spread, may be apart in one row, and on average. ONNX computes
in 32 bits: a value may fall on the other side of a tree's threshold, in few rows; what is wrong is so in all."""
_MISSING = "nan"


def export(training: Mapping[str, Any], archive: bytes, dataset: Path) -> tuple[bytes, dict[str, Any]]:
    """The ONNX model, and `{inputs, opset, rows, different, largest_difference, mean_difference, digest, size}`.

    Raises `errors.BadData` for a pipeline that has no ONNX form, or whose form answers otherwise.
    """
    request, result = training["request"], training["result"]
    model = artifact.load(archive, result["artifact"]["digest"])
    rows = sample.read(dataset, result["features"], sample.target_of(request))
    division = split.of(rows, request, Notes())
    held_out = rows.rows(division.test if len(division.test) else division.train).features
    types = {column["name"]: column["type"] for column in result["features"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of converters, for programmers
        expected = _predictions(model)(held_out)  # before the pipeline is changed for the converter
        found = _converted(_told_what_it_does(model), types, classifies=request["task"] == CLASSIFICATION)
    content: bytes = found.SerializeToString()
    compared = _compared(_answers(content, held_out, types), expected)
    return content, {
        "inputs": [{"name": name, "type": "text" if kind == "category" else "float"} for name, kind in types.items()],
        "opset": max(one.version for one in found.opset_import if one.domain in ("", "ai.onnx")),
        "rows": len(held_out),
        **compared,
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "size": len(content),
    }


def _predictions(model: Any) -> Any:
    def predict(features: pd.DataFrame) -> list[np.ndarray[Any, Any]]:
        if not hasattr(model, "predict"):
            raise errors.BadData("this model says nothing of rows that it has not learned from")
        labels = np.asarray(model.predict(features))
        more = [np.asarray(model.predict_proba(features))] if hasattr(model, "predict_proba") else []
        return [labels, *more]

    return predict


def _told_what_it_does(model: Pipeline) -> Pipeline:
    """Where no values are rare, those that were never seen are ignored: the same under a name that converters know."""
    for _, transformer, _ in model.named_steps[PREPARE].transformers_:
        last = transformer.steps[-1][1] if isinstance(transformer, Pipeline) else transformer
        if isinstance(last, OneHotEncoder) and all(
            rare is None for rare in getattr(last, "infrequent_categories_", [])
        ):
            last.handle_unknown = "ignore"
    return model


def _converted(model: Pipeline, types: Mapping[str, str], *, classifies: bool) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    inputs = [
        (name, (StringTensorType if kind in ("category", "text") else FloatTensorType)([None, 1]))
        for name, kind in types.items()
    ]
    try:
        return to_onnx(model, initial_types=inputs, options={"zipmap": False} if classifies else None)
    except Exception as error:  # converters raise what they like
        reason = first_sentence(str(error)) or type(error).__name__
        raise errors.BadData(f"this pipeline has no ONNX form: {reason}") from error


def _answers(content: bytes, features: pd.DataFrame, types: Mapping[str, str]) -> list[np.ndarray[Any, Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    inputs = {name: _input(features[name], types[name]) for name in features}
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return [np.asarray(found) for found in session.run(None, inputs)]
    except Exception as error:  # its errors have no class in common but this
        raise errors.BadData(f"the ONNX form does not run: {first_sentence(str(error))}") from error


def _input(column: pd.Series[Any], kind: str) -> np.ndarray[Any, Any]:
    if kind in ("category", "text"):
        values = column.astype(object).where(column.notna(), _MISSING)
        return np.asarray(values.to_numpy(dtype=object)).reshape(-1, 1)
    return np.asarray(pd.to_numeric(column.astype("Float64")).to_numpy(dtype="float32", na_value=np.nan)).reshape(-1, 1)


def _compared(found: Sequence[np.ndarray[Any, Any]], expected: Sequence[np.ndarray[Any, Any]]) -> dict[str, Any]:
    answers, wanted = np.ravel(found[0]), np.ravel(expected[0])
    apart, scale = np.zeros(len(wanted)), 1.0
    if wanted.dtype.kind == "f":
        otherwise = np.zeros(len(wanted), dtype=bool)
        apart = np.abs(answers.astype(float) - wanted.astype(float))
        scale = max(float(np.std(wanted)), 1e-12)
    else:
        kind = int if wanted.dtype.kind == "b" else str
        otherwise = answers.astype(kind).astype(str) != wanted.astype(kind).astype(str)
        if len(expected) > 1 and found[1].shape == expected[1].shape:
            apart = np.abs(found[1] - expected[1]).max(axis=1)
    count = int((otherwise | (apart > APART * scale)).sum())
    figures = {"largest_difference": float(apart.max(initial=0.0)), "mean_difference": float(apart.mean())}
    if count > MOST_DIFFERENT * len(wanted) or figures["mean_difference"] > ON_AVERAGE * scale:
        about = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in figures.items())
        raise errors.BadData(f"the ONNX form answers otherwise for {count} of {len(wanted)} rows held out ({about})")
    return {"different": count, **figures}


def main(folder: Path) -> None:
    """Read what is in the folder, and write what came of it."""
    training = json.loads((folder / "training.json").read_bytes())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            content, report = export(training, (folder / "model.skops").read_bytes(), folder / "dataset.parquet")
    except errors.AutoLearnError as error:
        report = {"problem": error.detail}
    else:
        (folder / "model.onnx").write_bytes(content)
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
