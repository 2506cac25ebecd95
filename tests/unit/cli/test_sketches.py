"""Pictures in the terminal."""

from __future__ import annotations

import pytest

from cli import sketches
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
