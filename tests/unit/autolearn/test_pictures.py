"""Pictures of results, searches and comparisons: what is drawn, and the files they become."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from autolearn import plots, sheet, side_by_side
from common import errors
from common.contracts.searches import Trial
from common.contracts.sessions import Comparison

EVIL = "</svg><script>alert(1)</script>"
RESULT: dict[str, Any] = {
    "measures": {"accuracy": 0.9, "balanced_accuracy": 0.8},
    "learning_curve": {
        "folds": 3,
        "curve": [
            {"train_rows": rows, "train": {"balanced_accuracy": 1.0}, "test": {"balanced_accuracy": figure}}
            for rows, figure in ((10, None), (20, 0.6), (30, 0.8))
        ],
    },
    "permutation_importance": {
        **{"measure": "f1", "value": 0.8, "rows": 9, "repeats": 2},
        "columns": [
            {"name": EVIL, "mean": 0.2, "std": 0.1},
            {"name": "b", "mean": -0.1, "std": 0.0},
            {"name": "c", "mean": None, "std": None},
        ],
    },
    "partial_dependence": {
        "response": "probability",
        "columns": [
            {"name": "a", "type": "number", "values": [1.0, 2.0], "curves": [{"label": "yes", "average": [0.1, 0.9]}]},
            {"name": "b", "type": "category", "values": ["x", EVIL], "curves": [{"label": 1, "average": [0.1, 0.9]}]},
        ],
    },
    "confusion_matrix": {"labels": [EVIL, "no"], "counts": [[3, 1], [0, 0]]},
}


def trial(number: int, figure: float | None, **parameters: Any) -> Trial:
    told = {"number": number, "rung": 0, "state": "succeeded", "algorithm": "svm"}
    return Trial.model_validate({"id": f"trn_{number:032x}", "parameters": parameters, "value": figure, **told})


def test_all_that_was_found_is_drawn(tmp_path: Path) -> None:
    drawn = plots.pictures(RESULT)
    assert [one.title.partition(":")[0] for one in drawn] == [
        "Learning curve",
        "Permutation importance",
        "Partial dependence on a",
        "Partial dependence on b",
        "Confusion matrix",
    ]
    path = sheet.write(tmp_path / "model.svg", drawn, EVIL)
    document = ElementTree.fromstring(path.read_text())
    assert len(document.findall("{*}svg")) == len(drawn)
    assert not document.findall(".//{*}script")
    bars = [bar for bar in document.findall(".//{*}rect") if bar.get("class") == "bar"]
    assert len(bars) == 2 + 2 + 4


def test_a_picture_fits_its_sheet() -> None:
    document = ElementTree.fromstring(sheet.svg(plots.pictures(RESULT), "model"))
    wide, high = (float(document.attrib[name]) for name in ("width", "height"))
    for picture in document.findall("{*}svg"):
        x, y, width, height = (float(picture.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x + width <= wide and y + height <= high


def test_png_needs_its_library_and_a_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.png"
    try:
        sheet.write(path, plots.pictures(RESULT), "model")
        assert path.read_bytes().startswith(b"\x89PNG")
    except errors.Invalid as error:
        assert "needs a font" in error.detail  # of which this machine has none
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(errors.Invalid, match="pip install resvg-py"):
        sheet.png("<svg/>")


@pytest.mark.parametrize(("name", "result"), [("model.pdf", RESULT), ("model.svg", {"measures": {}})])
def test_what_cannot_be_drawn_leaves_no_file(tmp_path: Path, name: str, result: dict[str, Any]) -> None:
    with pytest.raises(errors.Invalid):
        sheet.write(tmp_path / name, plots.pictures(result), "model")
    assert not list(tmp_path.iterdir())


def test_axes_of_a_search() -> None:
    ranked = [
        trial(1, 0.9, C=100.0, kernel="rbf", degree=3),
        trial(2, 0.8, C=1.0, kernel="linear", degree=3),
        trial(3, None, C=10.0, kernel="rbf", degree=3),
    ]
    trials = side_by_side.trials(ranked, "f1")
    axes = trials.axes()
    assert [(axis.name, axis.low, axis.high) for axis in axes] == [
        ("C", "1", "100"),
        ("kernel", "rbf", "linear"),
        ("f1", "0.8", "0.9"),
    ]
    assert [list(axis.places) for axis in axes] == [
        pytest.approx([1.0, 0.0, 0.5]),  # logarithmic
        [0.0, 1.0, 0.0],
        pytest.approx([1.0, 0.0, None]),
    ]
    lines = list(trials.picture().drawn.iter("polyline"))
    assert len(lines) == 3
    assert side_by_side.axis("f1", [None, None]).places == [None, None]


def test_what_was_compared() -> None:
    rows = [
        {"field": "algorithm", "values": ["svm", "tree", "tree"], "differs": True},
        {"field": "parameters.depth", "values": [None, 3, 5], "differs": True},
        {"field": "measures.rmse", "values": [2.0, 1.0, None], "differs": True, "direction": "lower"},
    ]
    compared = Comparison(ids=[f"exp_{number:032x}" for number in range(3)], rows=rows)
    (picture,) = side_by_side.comparison(compared)
    assert picture.title == "rmse (lower is better)"
    trials = side_by_side.compared_trials(compared)
    assert trials is not None
    assert [name.partition(" ")[0] for name in trials.names] == ["tree", "svm"]
    assert [axis.name for axis in trials.axes()] == ["algorithm", "depth", "rmse"]
    assert side_by_side.compared_trials(Comparison(ids=compared.ids, rows=rows[:1])) is None
