"""What an evaluation found, drawn: curves of classes, the confusion matrix, residuals, and what columns do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from autolearn import charts, drawing
from autolearn.page import Page

_MOST_CLASSES = 30
_MOST_BARS = 20
_FEW = 8


@dataclass(frozen=True)
class Picture:
    """A drawing, and what stands above or below it."""

    title: str
    drawn: Element


def draw(page: Page, result: Mapping[str, Any]) -> None:
    """Add to a page what there is to draw of an evaluation's result; nothing if there is nothing."""
    page.figures([(one.title, one.drawn) for one in _curves(result)])
    matrix = result.get("confusion_matrix")
    if matrix and len(matrix["labels"]) <= _MOST_CLASSES:
        names, shares, texts = _matrix(matrix)
        page.matrix(_MATRIX, names, shares, texts=texts)


def pictures(result: Mapping[str, Any]) -> list[Picture]:
    """All that there is to draw of a result, the confusion matrix among it."""
    found, matrix = list(_curves(result)), result.get("confusion_matrix")
    if matrix and len(matrix["labels"]) <= _MOST_CLASSES:
        found.append(Picture(_MATRIX, charts.matrix(*_matrix(matrix), _MATRIX)))
    return found


def headline(result: Mapping[str, Any]) -> str | None:
    """The measure that a learning curve is drawn of: one that classes of any size count alike in, else the first."""
    measures = result.get("measures") or {}
    return next((name for name in ("balanced_accuracy", "r2") if name in measures), next(iter(measures), None))


def learning_lines(result: Mapping[str, Any], measure: str) -> list[tuple[str, list[tuple[float, float]]]]:
    """Of a learning curve the line of the rows held out and that of the rows learned from."""
    points = result["learning_curve"]["curve"]
    return [
        (name, [(point["train_rows"], point[part][measure]) for point in points if point[part][measure] is not None])
        for name, part in (("held out", "test"), ("learned from", "train"))
    ]


_MATRIX = "Confusion matrix: actual classes are rows, predicted ones columns"


def _curves(result: Mapping[str, Any]) -> Iterator[Picture]:
    curves: Mapping[str, Any] = result.get("curves") or {}
    classes = curves.get("one_vs_rest") or [{"label": result.get("positive_class"), **curves}]
    if roc := _lines(classes, "roc", "false_positive_rate", "true_positive_rate"):
        about = _titled("ROC curve", result, "roc_auc")
        yield Picture(about, drawing.curve(roc, "false positive rate", "true positive rate", about, diagonal=True))
    if trade := _lines(classes, "precision_recall", "recall", "precision"):
        about = _titled("Precision and recall", result, "average_precision")
        yield Picture(about, drawing.curve(trade, "recall", "precision", about))
    if told := _lines(classes, "calibration", "predicted", "observed"):
        about = _titled("Calibration", result, "brier")
        drawn = drawing.curve(told, "predicted probability", "share observed", about, diagonal=True, dots=True)
        yield Picture(about, drawn)
    if residuals := result.get("residuals"):
        points = _pairs(residuals, "predicted", "residual")
        about = "Residuals: truth less prediction"
        yield Picture(about, drawing.scatter(points, "predicted", "residual", about))
        histogram = drawing.histogram(**residuals["histogram"], label="residuals")
        yield Picture("How the residuals are distributed", histogram)
    yield from _learning_curve(result)
    if importance := result.get("permutation_importance"):
        values = [(column["name"], column["mean"], column["std"]) for column in importance["columns"][:_MOST_BARS]]
        about = f"Permutation importance: how much worse {importance['measure']} gets"
        yield Picture(about, charts.bars(values, about))
    yield from _dependences(result)


def _learning_curve(result: Mapping[str, Any]) -> Iterator[Picture]:
    measure = headline(result) if result.get("learning_curve") else None
    if measure is None:
        return
    lines = learning_lines(result, measure)
    values = [value for _, points in lines for _, value in points]
    rows = [at for _, points in lines for at, _ in points]
    if values:
        across, up = drawing.span([0.0, *rows]), drawing.span(values)
        about = f"Learning curve: {measure} by rows learned from"
        yield Picture(about, drawing.curve(lines, "rows", measure, about, dots=True, across=across, up=up))


def _dependences(result: Mapping[str, Any]) -> Iterator[Picture]:
    told = result.get("partial_dependence")
    if not told:
        return
    # One scale for all columns: what moves the answer more looks like more.
    every = [value for column in told["columns"] for curve in column["curves"] for value in curve["average"]]
    for column in told["columns"]:
        about, values, curves = f"Partial dependence on {column['name']}", column["values"], column["curves"]
        if column["type"] in ("number", "integer"):
            lines = [(str(one["label"]), list(zip(values, one["average"], strict=True))) for one in curves]
            across, up = drawing.span(values), drawing.span(every)
            few = len(values) < _FEW
            drawn = drawing.curve(lines, column["name"], told["response"], about, dots=few, across=across, up=up)
            yield Picture(about, drawn)
            continue
        for one in curves:
            bars = [(str(value), average, None) for value, average in zip(values, one["average"], strict=True)]
            whose = about if one["label"] is None else f"{about}: {told['response']} of {one['label']}"
            yield Picture(whose, charts.bars(bars, whose))


def _matrix(matrix: Mapping[str, Any]) -> tuple[list[str], list[list[float]], list[list[str]]]:
    """Labels, the share of each cell in its row, and what is written into it."""
    counts = matrix["counts"]
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    return [str(label) for label in matrix["labels"]], shares, [[str(count) for count in row] for row in counts]


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
