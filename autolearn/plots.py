"""What an evaluation found, drawn: curves of classes, the confusion matrix, residuals of a regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from autolearn import drawing
from autolearn.page import Page

_MOST_CLASSES = 30


def draw(page: Page, result: Mapping[str, Any]) -> None:
    """Add to a page what there is to draw of an evaluation's result; nothing if there is nothing."""
    curves: Mapping[str, Any] = result.get("curves") or {}
    classes = curves.get("one_vs_rest") or [{"label": result.get("positive_class"), **curves}]
    drawn: list[tuple[str, Element]] = []
    if roc := _lines(classes, "roc", "false_positive_rate", "true_positive_rate"):
        about = _titled("ROC curve", result, "roc_auc")
        drawn.append((about, drawing.curve(roc, "false positive rate", "true positive rate", about, diagonal=True)))
    if trade := _lines(classes, "precision_recall", "recall", "precision"):
        about = _titled("Precision and recall", result, "average_precision")
        drawn.append((about, drawing.curve(trade, "recall", "precision", about)))
    if told := _lines(classes, "calibration", "predicted", "observed"):
        about = _titled("Calibration", result, "brier")
        picture = drawing.curve(told, "predicted probability", "share observed", about, diagonal=True, dots=True)
        drawn.append((about, picture))
    if residuals := result.get("residuals"):
        points = _pairs(residuals, "predicted", "residual")
        about = "Residuals: truth less prediction"
        drawn.append((about, drawing.scatter(points, "predicted", "residual", about)))
        told_bins = residuals["histogram"]
        drawn.append(("How the residuals are distributed", drawing.histogram(**told_bins, label="residuals")))
    page.figures(drawn)
    matrix = result.get("confusion_matrix")
    if matrix and len(matrix["labels"]) <= _MOST_CLASSES:
        names = [str(label) for label in matrix["labels"]]
        shares = [[count / max(1, sum(row)) for count in row] for row in matrix["counts"]]
        page.matrix(
            "Confusion matrix: actual classes are rows, predicted ones columns",
            names,
            shares,
            texts=[[str(count) for count in row] for row in matrix["counts"]],
        )


def _lines(
    classes: Sequence[Mapping[str, Any]], curve: str, x: str, y: str
) -> list[tuple[str, list[tuple[float, float]]]]:
    """A named line for each class that has such a curve."""
    return [(str(one["label"]), _pairs(one[curve], x, y)) for one in classes if one.get(curve)]


def _pairs(curve: Mapping[str, Sequence[float]], x: str, y: str) -> list[tuple[float, float]]:
    return list(zip(curve[x], curve[y], strict=True))


def _titled(title: str, result: Mapping[str, Any], measure: str) -> str:
    value = (result.get("measures") or {}).get(measure)
    return title if value is None else f"{title} ({measure} {value:.4g})"
