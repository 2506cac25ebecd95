"""Pictures of named things: bars beside names, one line across several axes, a matrix of shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from autolearn import drawing
from autolearn.drawing import COLOURS, bar, canvas, write

_LINE, _NAMES, _BARS, _FIGURES = 18, 130, 240, 75
_LETTERS = 20
_AXIS, _HEIGHT, _EDGE = 110, 220, 60
_CELL = 34


@dataclass(frozen=True)
class Axis:
    """One of several axes: its name, the texts at its lower and upper end, and where on it each line is (0..1)."""

    name: str
    low: str
    high: str
    places: Sequence[float | None]


def bars(values: Sequence[tuple[str, float | None, float | None]], label: str) -> Element:
    """A bar for each name and value, to the left of a line for those below 0; its spread as a thin line.

    What has no value has no bar.
    """
    ends = [value + way * (spread or 0.0) for _, value, spread in values if value is not None for way in (-1, 1)]
    low, high = drawing.span([0.0, *ends])
    picture = canvas(_NAMES + _BARS + _FIGURES, _LINE * max(1, len(values)) + 6, label)

    def place(value: float) -> float:
        return _NAMES + _BARS * (value - low) / (high - low)

    for at, (name, value, spread) in enumerate(values):
        top = at * _LINE + 3
        write(picture, 0, top + 12, cut(name), name)
        if value is None:
            write(picture, place(0.0) + 6, top + 12, "–")
            continue
        left, right = sorted((place(0.0), place(value)))
        bar(picture, left, top + 2, max(1.0, right - left), _LINE - 5)
        if spread:
            _line(picture, "guide", place(value - spread), top + _LINE / 2, place(value + spread), top + _LINE / 2)
        write(picture, _NAMES + _BARS + 6, top + 12, f"{value:.4g}")
    _line(picture, "axis", place(0.0), 0, place(0.0), _LINE * max(1, len(values)) + 6)
    return picture


def parallel(axes: Sequence[Axis], names: Sequence[str], best: Sequence[int], label: str) -> Element:
    """Parallel coordinates (Inselberg 1985): a line for each thing across all axes, the best ones in colour and last.

    A line is broken where it has no place on an axis.
    """
    width = _EDGE * 2 + _AXIS * max(1, len(axes) - 1)
    picture = canvas(width, _HEIGHT + 60, label)
    across = [_EDGE + _AXIS * at for at in range(len(axes))]
    colours = {number: rank for rank, number in enumerate(best)}
    for number in sorted(range(len(names)), key=lambda one: one in colours):
        kind = f"line l{colours[number] % COLOURS}" if number in colours else "guide"
        for points in _pieces([axis.places[number] for axis in axes], across):
            line = SubElement(picture, "polyline", {"class": kind, "fill": "none", "points": points})
            SubElement(line, "title").text = names[number]
    for axis, x in zip(axes, across, strict=True):
        _line(picture, "axis", x, 20, x, 20 + _HEIGHT)
        for text, y in ((axis.high, 14), (axis.low, 34 + _HEIGHT), (axis.name, 50 + _HEIGHT)):
            shown = cut(text, 16)
            write(picture, x - 2.9 * len(shown), y, shown, text)
    return picture


def matrix(
    labels: Sequence[str], shares: Sequence[Sequence[float]], texts: Sequence[Sequence[str]], label: str
) -> Element:
    """Rows of cells, the darker the larger their share (0..1) is, with a text in each."""
    room = 10 + 7 * min(12, max((len(name) for name in labels), default=0))
    size = max(_CELL, 8 + 7 * max((len(text) for row in texts for text in row), default=0))
    picture = canvas(room + size * len(labels), 24 + _CELL * len(labels), label)
    for at, (name, row) in enumerate(zip(labels, shares, strict=True)):
        write(picture, room + size * at + 3, 14, cut(name, max(3, size // 7)), name)
        write(picture, 0, 24 + _CELL * at + 21, cut(name, 12), name)
        for to, share in enumerate(row):
            cell = bar(picture, room + size * to, 24 + _CELL * at, size - 1, _CELL - 1)
            cell.set("fill-opacity", f"{0.06 + 0.74 * share:.2f}")
            write(picture, room + size * to + (size - 7 * len(texts[at][to])) / 2, 24 + _CELL * at + 21, texts[at][to])
    return picture


def cut(text: str, letters: int = _LETTERS) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _pieces(places: Sequence[float | None], across: Sequence[float]) -> list[str]:
    pieces: list[list[str]] = [[]]
    for place, x in zip(places, across, strict=True):
        if place is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{x:.1f},{20 + _HEIGHT * (1 - place):.1f}")
    return [" ".join(piece) for piece in pieces if len(piece) > 1]


def _line(picture: Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    SubElement(picture, "line", {"class": kind, **ends})
