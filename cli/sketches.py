"""Curves and residuals of an evaluation drawn with the dots of Braille: a look without leaving the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cli.profiles import bars
from cli.render import Output, text

if TYPE_CHECKING:
    from common.contracts.sessions import Comparison

_WIDTH, _HEIGHT = 34, 12
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a character of two by four dots, by row and column."""
_MOST_CLASSES = 4
_MOST_BARS, _BAR, _LONGEST = 20, 40, 24

Point = tuple[float, float]


def draw(out: Output, result: Mapping[str, Any]) -> None:
    """What there is to draw of a result; nothing if there is nothing."""
    curves = result.get("curves") or {}
    several = curves.get("one_vs_rest") or ([{"label": result.get("positive_class"), **curves}] if curves else [])
    for one in several[:_MOST_CLASSES]:
        axes = (("roc", "false_positive_rate", "true_positive_rate"), ("precision_recall", "recall", "precision"))
        pictures = [(f"{y} by {x}".replace("_", " "), one[name][x], one[name][y]) for name, x, y in axes if name in one]
        out.line("")
        out.line(f"Class {text(one['label'])}")
        for line in _beside([(title, sketch(list(zip(xs, ys, strict=True)))) for title, xs, ys in pictures]):
            out.line(line)
    if len(several) > _MOST_CLASSES:
        out.note(f"curves of {len(several) - _MOST_CLASSES} more classes: --json, or experiments card --html")
    if residuals := result.get("residuals"):
        told = residuals["histogram"]
        out.line("")
        ends = f"{told['edges'][0]:.4g} {bars(told['counts'])} {told['edges'][-1]:.4g}"
        out.line(f"Residuals (truth less prediction): {ends}")
    looks(out, result)


def looks(out: Output, result: Mapping[str, Any]) -> None:
    """What was asked for of an algorithm's rows or a model's columns, if anything."""
    from autolearn import plots

    told = result.get("learning_curve")
    if told and (measure := plots.headline(result)):
        out.line("")
        out.line(f"Learning curve: {measure} by rows learned from, over {told['folds']} folds")
        plot(out, plots.learning_lines(result, measure))
    if told := result.get("permutation_importance"):
        out.line("")
        columns = told["columns"]
        about = f"Permutation importance: how much worse {told['measure']} gets ({text(told['value'])} as it is)"
        out.line(f"{about}, ± its spread over {told['repeats']} shuffles of {told['rows']} rows")
        scale([(column["name"], column["mean"], column["std"]) for column in columns[:_MOST_BARS]], out)
        if len(columns) > _MOST_BARS:
            out.note(f"{len(columns) - _MOST_BARS} columns that matter less: --json")
    if told := result.get("partial_dependence"):
        _dependences(out, told)


def comparison(out: Output, compared: Comparison) -> None:
    """A bar for each measure of each thing that was compared."""
    from autolearn import side_by_side

    for name, direction, values in side_by_side.measures(compared):
        out.line("")
        out.line(f"{name} ({direction} is better)")
        scale([(who, value, None) for who, value in values], out)


def _dependences(out: Output, told: Mapping[str, Any]) -> None:
    """One scale for all columns: what moves the answer more looks like more."""
    every = [value for column in told["columns"] for curve in column["curves"] for value in curve["average"]]
    for column in told["columns"]:
        curves = column["curves"][:_MOST_CLASSES]
        about = f"Partial dependence on {text(column['name'])}: mean {told['response']}"
        if column["type"] in ("number", "integer"):
            out.line("")
            out.line(about + _whose(curves[0] if len(curves) == 1 else {}))
            lines = [(text(one["label"]), list(zip(column["values"], one["average"], strict=True))) for one in curves]
            plot(out, lines, every)
            continue
        for one in curves:
            out.line("")
            out.line(about + _whose(one))
            pairs = zip(column["values"], one["average"], strict=True)
            scale([(value, average, None) for value, average in pairs], out)


def _whose(curve: Mapping[str, Any]) -> str:
    return "" if curve.get("label") is None else f" of {text(curve['label'])}"


def plot(out: Output, lines: Sequence[tuple[str, Sequence[Point]]], up: Sequence[float] = ()) -> None:
    """Lines through points of any size in one frame; with several the name of each stands where it ends.

    The second axis spans the values of `up` too.
    """
    points = [point for _, line in lines for point in line]
    if not points:
        return
    left, right = _span([x for x, _ in points])
    low, high = _span([*(y for _, y in points), *up])
    placed = [
        (name, [((x - left) / (right - left), (y - low) / (high - low)) for x, y in line]) for name, line in lines
    ]
    cells = [[0] * _WIDTH for _ in range(_HEIGHT)]
    names: dict[int, list[str]] = {}
    for name, line in placed:
        join(cells, line if len(line) > 1 else [*line, *line])
        if line and len(lines) > 1:
            names.setdefault(min(_HEIGHT - 1, int((1 - line[-1][1]) * _HEIGHT)), []).append(name)
    ends = [f"{high:.4g}", f"{low:.4g}"]
    room = max(map(len, ends))
    for at, row in enumerate(cells):
        end = ends[0] if at == 0 else ends[1] if at == _HEIGHT - 1 else ""
        out.line(f"{end:>{room}} │{braille(row)}  {', '.join(names.get(at, ()))}".rstrip())
    first, last = f"{left:.4g}", f"{right:.4g}"
    out.line(f"{'':>{room}} └{'─' * _WIDTH}")
    out.line(f"{'':>{room}}  {first}{last:>{_WIDTH - len(first)}}")


def scale(values: Sequence[tuple[Any, float | None, float | None]], out: Output) -> None:
    """A bar for each name and value (and its spread), to the left of the line for those below 0."""
    named = [(text(name)[:_LONGEST], value, spread) for name, value, spread in values]
    known = [value for _, value, _ in named if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    step = (high - low) / _BAR if high > low else 1.0
    before = round(-low / step)
    room = max((len(name) for name, _, _ in named), default=0)
    for name, value, spread in named:
        length = 0 if value is None else round(abs(value) / step)
        bar = f"{'█' * length:>{before}}│" if (value or 0) < 0 else f"{'':>{before}}│{'█' * length}"
        figure = text(value) + (f" ± {text(spread)}" if spread else "")
        out.line(f"  {name:<{room}}  {bar:<{_BAR + 1}}  {figure}")


def sketch(points: Sequence[Point], width: int = _WIDTH, height: int = _HEIGHT) -> list[str]:
    """Lines of text on which points between 0 and 1 are joined by a line, in a frame."""
    cells = [[0] * width for _ in range(height)]
    join(cells, points)
    body = [f"{'1' if at == 0 else '0' if at == height - 1 else ' '} │{braille(line)}" for at, line in enumerate(cells)]
    return [*body, f"  └{'─' * width}", f"   0{' ' * (width - 2)}1"]


def join(cells: list[list[int]], points: Sequence[Point]) -> None:
    """Add dots along the lines between points."""
    columns, rows = 2 * len(cells[0]) - 1, 4 * len(cells) - 1
    for (x1, y1), (x2, y2) in pairwise(points):
        steps = max(1, math.ceil(max(abs(x2 - x1) * columns, abs(y2 - y1) * rows)))
        for step in range(steps + 1):
            share = step / steps
            column = round((x1 + share * (x2 - x1)) * columns)
            row = round((1 - (y1 + share * (y2 - y1))) * rows)
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def braille(cells: Sequence[int]) -> str:
    """A line of cells as text."""
    return "".join(chr(0x2800 + dots) if dots else " " for dots in cells)


def _beside(pictures: Sequence[tuple[str, list[str]]]) -> list[str]:
    wide = _WIDTH + 8
    blocks = [[f"  {title}", *lines] for title, lines in pictures]
    return ["".join(line.ljust(wide) for line in lines).rstrip() for lines in zip(*blocks, strict=True)]
