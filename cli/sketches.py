"""Curves and residuals of an evaluation drawn with the dots of Braille: a look without leaving the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cli.profiles import bars
from cli.render import Output, text

_WIDTH, _HEIGHT = 34, 12
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a character of two by four dots, by row and column."""
_MOST_CLASSES = 4

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


def sketch(points: Sequence[Point], width: int = _WIDTH, height: int = _HEIGHT) -> list[str]:
    """Lines of text on which points between 0 and 1 are joined by a line, in a frame."""
    columns, rows = 2 * width - 1, 4 * height - 1
    cells = [[0] * width for _ in range(height)]
    for (x1, y1), (x2, y2) in pairwise(points):
        steps = max(1, math.ceil(max(abs(x2 - x1) * columns, abs(y2 - y1) * rows)))
        for step in range(steps + 1):
            share = step / steps
            column = round((x1 + share * (x2 - x1)) * columns)
            row = round((1 - (y1 + share * (y2 - y1))) * rows)
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    body = [
        f"{'1' if at == 0 else '0' if at == height - 1 else ' '} │{_braille(line)}" for at, line in enumerate(cells)
    ]
    return [*body, f"  └{'─' * width}", f"   0{' ' * (width - 2)}1"]


def _braille(cells: Sequence[int]) -> str:
    return "".join(chr(0x2800 + dots) if dots else " " for dots in cells)


def _beside(pictures: Sequence[tuple[str, list[str]]]) -> list[str]:
    wide = _WIDTH + 8
    blocks = [[f"  {title}", *lines] for title, lines in pictures]
    return ["".join(line.ljust(wide) for line in lines).rstrip() for lines in zip(*blocks, strict=True)]
