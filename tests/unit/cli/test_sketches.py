"""Pictures in the terminal."""

from __future__ import annotations

import pytest

from autolearn.side_by_side import Trials
from cli import coordinates, sketches
from cli.render import Output

ROC = {"false_positive_rate": [0.0, 0.0, 1.0], "true_positive_rate": [0.0, 1.0, 1.0]}
TRADE = {"recall": [1.0, 0.0], "precision": [0.5, 1.0]}


def test_a_line_goes_where_its_points_are() -> None:
    up = sketches.sketch([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], width=3, height=2)
    assert up == ["1 │⡏⠉⠉", "0 │⡇  ", "  └───", "   0 1"]
    assert sketches.sketch([(0.0, 0.0), (1.0, 1.0)], width=2, height=1)[0] == "1 │⡠⠊"


@pytest.mark.parametrize("points", [[], [(0.5, 0.5)], [(0.0, 0.0), (1.0, 0.0)]])
def test_any_points_fit(points: list[tuple[float, float]]) -> None:
    assert {len(line) for line in sketches.sketch(points)[:12]} == {37}


def test_results_are_drawn_by_what_they_have(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    sketches.draw(out, {"measures": {}})
    assert capsys.readouterr().out == ""
    sketches.draw(out, {"curves": {"roc": ROC, "precision_recall": TRADE}, "positive_class": "yes\x1b"})
    said = capsys.readouterr().out
    assert "Class yes\\x1b\n" in said
    assert "true positive rate by false positive rate" in said
    assert max(map(len, said.splitlines())) < 80
    several = [{"label": label, "roc": ROC, "precision_recall": TRADE} for label in range(6)]
    sketches.draw(out, {"curves": {"one_vs_rest": several}})
    assert capsys.readouterr().err.startswith("curves of 2 more classes")
    sketches.draw(out, {"residuals": {"histogram": {"edges": [-1.0, 0.0, 1.0], "counts": [1, 2]}}})
    assert "-1 ▃▆ 1" in capsys.readouterr().out


def test_bars_start_at_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sketches.scale([("a", 3.0, 0.5), ("b", -1.0, None), ("c", None, None)], Output())
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"  a  {' ' * 10}│{'█' * 30}  3 ± 0.5"
    assert second.split("│")[0] == f"  b  {'█' * 10}"
    assert "█" not in third


def test_lines_of_any_size(capsys: pytest.CaptureFixture[str]) -> None:
    sketches.plot(Output(), [("up", [(10, 5.0), (20, 7.0)]), ("flat", [(10, 5.0)]), ("none", [])], up=[9.0])
    said = capsys.readouterr().out.splitlines()
    assert (said[0][0], said[11][0]) == ("9", "5")
    assert said[6].endswith("up") and said[11].endswith("flat")
    assert said[-1].split() == ["10", "20"]
    sketches.plot(Output(), [("none", [])])
    assert capsys.readouterr().out == ""


def test_trials_across_their_axes(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"C": [1, 2], "same": [0, 0], "f1": [0.9, None]}
    coordinates.draw(Output(), Trials(["svm 1", "svm 2"], told, "f1"))
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "2 trials by f1; best: svm 1"
    assert said[-1].split() == ["C", "f1"]
    assert len(said) == 17
    coordinates.draw(Output(), Trials(["svm 1", "svm 2"], {"f1": [0.9, 0.8]}, "f1"))
    assert capsys.readouterr().out == ""
