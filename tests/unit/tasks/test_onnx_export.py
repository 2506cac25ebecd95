"""Models as ONNX: what is offered answers as the pipeline does, and what cannot be is refused with the reason."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import errors
from common.learning import onnx_export
from tests.unit.tasks.task_data import Trained, Workshop, table, with_gaps

FEATURES = ["size", "count", "colour", "heavy"]
installed = importlib.util.find_spec("skl2onnx") is not None and importlib.util.find_spec("onnxruntime") is not None
needs_extra = pytest.mark.skipif(not installed, reason="the extra onnx is not installed")


def exported(done: Trained) -> tuple[bytes, dict[str, Any]]:
    training = {"request": done.request, "result": done.result}
    return onnx_export.export(training, done.files.outputs["artifact"], done.files.dataset)


@needs_extra
@pytest.mark.parametrize(
    ("algorithm", "target", "features"),
    [
        ("logistic_regression", "kind", FEATURES),
        ("decision_tree", "sort", FEATURES),
        ("hist_gradient_boosting", "weight", ["size", "count"]),
        ("linear_regression", "weight", FEATURES),
    ],
)
def test_what_is_offered_answers_the_same(workshop: Workshop, algorithm: str, target: str, features: list[str]) -> None:
    done = workshop.train(with_gaps(table()), algorithm=algorithm, target=target, features=features)
    content, report = exported(done)
    assert (report["different"], report["rows"]) == (0, done.result["split"]["test_rows"])
    assert report["size"] == len(content) > 500
    assert [one["name"] for one in report["inputs"]] == features


@needs_extra
def test_a_pipeline_without_onnx_form(workshop: Workshop) -> None:
    hashed = {"columns": {"remark": {"encode": "hashing"}}}
    done = workshop.train(table(), algorithm="logistic_regression", features=["remark"], preprocessing=hashed)
    with pytest.raises(errors.BadData, match="this pipeline has no ONNX form"):
        exported(done)


def test_what_answers_otherwise_is_not_offered() -> None:
    wanted = [np.array(["a", "b", "b"]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])]
    same = {"different": 0, "largest_difference": 0.0, "mean_difference": 0.0}
    assert onnx_export._compared(wanted, wanted) == same
    with pytest.raises(errors.BadData, match="answers otherwise for 1 of 3 rows"):
        onnx_export._compared([np.array(["a", "a", "b"]), wanted[1]], wanted)
    with pytest.raises(errors.BadData, match=r"mean difference 0\.01"):
        onnx_export._compared([wanted[0], wanted[1] + 0.01], wanted)  # little, but in all rows
    numbers = np.arange(4000.0)
    moved = numbers.copy()
    moved[7] += 1000  # on the other side of a threshold, in one row
    assert onnx_export._compared([moved], [numbers])["different"] == 1
    with pytest.raises(errors.BadData, match="for 100 of 4000 rows"):
        onnx_export._compared([np.where(numbers < 100, -900, numbers)], [numbers])
    assert onnx_export._compared([np.array([0, 1])], [np.array([False, True])]) == same


def test_a_refusal_is_the_report(workshop: Workshop, tmp_path: Path) -> None:
    done = workshop.train(table(), algorithm="decision_tree", features=["size"])
    result = {**done.result, "artifact": {**done.result["artifact"], "digest": "sha256:other"}}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps({"request": done.request, "result": result}))
    (folder / "model.skops").write_bytes(done.files.outputs["artifact"])
    onnx_export.main(folder)
    assert "is not what was stored" in json.loads((folder / "report.json").read_text())["problem"]
    assert not (folder / "model.onnx").exists()
