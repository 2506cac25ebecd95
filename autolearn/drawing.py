"""Small pictures as inline SVG: no style attribute and no script, so that the strictest policy lets them be.

Elements of `xml.etree`, which escapes whatever a text or attribute holds. Colours are the style sheet's, by class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element, SubElement

WIDTH, HEIGHT = 180, 44
_LINE = 15
_LABEL = 90
_PLOT, _MARGIN, _LEGEND = 260, 60, 110
COLOURS = 10

Span = tuple[float, float]
UNIT: Span = (0.0, 1.0)


def histogram(edges: Sequence[float], counts: Sequence[int], label: str) -> Element:
    """Bars between edges, each with its range and count as its title."""
    drawing = canvas(WIDTH, HEIGHT, label)
    most, step = max(max(counts, default=0), 1), WIDTH / max(1, len(counts))
    for at, count in enumerate(counts):
        height = (HEIGHT - 2) * count / most
        if count:
            height = max(height, 1.0)
        drawn = bar(drawing, at * step, HEIGHT - height, max(step - 1, 1), height)
        SubElement(drawn, "title").text = f"{edges[at]:.6g} to {edges[at + 1]:.6g}: {count}"
    return drawing


def shares(values: Sequence[tuple[str, float]], label: str) -> Element:
    """A line a value: its text, a bar as long as its share (0 to 1), and the share in per cent."""
    drawing = canvas(2 * _LABEL + WIDTH // 2, _LINE * max(1, len(values)), label)
    for at, (text, share) in enumerate(values):
        baseline = at * _LINE + _LINE - 4
        write(drawing, 0, baseline, text if len(text) <= 14 else text[:13] + "…", text)
        bar(drawing, _LABEL, at * _LINE + 3, max(1.0, WIDTH / 2 * min(1.0, share)), _LINE - 5)
        write(drawing, _LABEL + WIDTH / 2 + 6, baseline, f"{share:.1%}")
    return drawing


def meter(value: float | None, label: str) -> Element:
    """A bar for a figure between 0 and 1, its sign aside."""
    drawing = canvas(60, 10, label)
    frame = bar(drawing, 0, 0, 60, 10)
    frame.set("class", "frame")
    if value:
        bar(drawing, 0, 0, 60 * min(1.0, abs(value)), 10)
    return drawing


def curve(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    x: str,
    y: str,
    label: str,
    *,
    diagonal: bool = False,
    dots: bool = False,
    across: Span = UNIT,
    up: Span = UNIT,
) -> Element:
    """Named lines through points within both spans; as the diagonal, if asked for, what a guess would give.

    Ten colours; with more than one line their names stand beside them.
    """
    drawing, place = _axes(across, up, x, y, label)
    if diagonal:
        (x1, y1), (x2, y2) = place(0.0, 0.0), place(1.0, 1.0)
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
        SubElement(drawing, "line", {"class": "guide", **ends})
    for number, (name, points) in enumerate(lines):
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        line = SubElement(drawing, "polyline", {"class": f"line l{number % COLOURS}", "points": path})
        SubElement(line, "title").text = name
        if dots:
            _dots(drawing, [place(*point) for point in points], 3.5)
    if len(lines) > 1:
        drawing.set("width", f"{_PLOT + _MARGIN + 12 + _LEGEND}")
        drawing.set("viewBox", f"0 0 {_PLOT + _MARGIN + 12 + _LEGEND} {_PLOT + _MARGIN}")
        for number, (name, _) in enumerate(lines):
            left, top = _PLOT + _MARGIN + 12, 14 + _LINE * number
            line = SubElement(drawing, "polyline", {"class": f"line l{number % COLOURS}"})
            line.set("points", f"{left},{top - 4} {left + 14},{top - 4}")
            write(drawing, left + 20, top, name if len(name) <= 14 else name[:13] + "…", name)
    return drawing


def scatter(points: Sequence[tuple[float, float]], x: str, y: str, label: str) -> Element:
    """Points, and where the second axis is 0."""
    spans = [span([point[axis] for point in points] + ([0.0] if axis else [])) for axis in (0, 1)]
    drawing, place = _axes(spans[0], spans[1], x, y, label)
    (x1, zero), (x2, _) = place(spans[0][0], 0.0), place(spans[0][1], 0.0)
    ends = {"x1": f"{x1:.1f}", "y1": f"{zero:.1f}", "x2": f"{x2:.1f}", "y2": f"{zero:.1f}"}
    SubElement(drawing, "line", {"class": "guide", **ends})
    _dots(drawing, [place(*point) for point in points], 2.5)
    return drawing


def span(values: Sequence[float]) -> Span:
    """From the smallest to the largest; wider than nothing in any case."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _axes(
    across: Span, up: Span, x: str, y: str, label: str
) -> tuple[Element, Callable[[float, float], tuple[float, float]]]:
    """An empty plot, and where on it a point belongs."""
    drawing = canvas(_PLOT + _MARGIN + 12, _PLOT + _MARGIN, label)
    frame = {"x": f"{_MARGIN}", "y": "6", "width": f"{_PLOT}", "height": f"{_PLOT}"}
    SubElement(drawing, "rect", {"class": "axis", **frame})
    for axis, (low, high) in enumerate((across, up)):
        for share in (0.0, 0.5, 1.0):
            value = f"{low + share * (high - low):.3g}"
            if axis == 0:
                write(drawing, _MARGIN + share * _PLOT - 3 * len(value), _PLOT + 20, value)
            else:
                write(drawing, max(0, _MARGIN - 5 - 6.2 * len(value)), 10 + (1 - share) * _PLOT, value)
    write(drawing, _MARGIN + _PLOT / 2 - 2.8 * len(x), _PLOT + 36, x)
    turned = SubElement(drawing, "text", {"transform": f"translate(11 {_PLOT / 2 + 2.8 * len(y):g}) rotate(-90)"})
    turned.text = y

    def place(at: float, high: float) -> tuple[float, float]:
        return (
            _MARGIN + _PLOT * (at - across[0]) / (across[1] - across[0]),
            6 + _PLOT * (up[1] - high) / (up[1] - up[0]),
        )

    return drawing, place


def _dots(drawing: Element, places: Sequence[tuple[float, float]], radius: float) -> None:
    for x, y in places:
        SubElement(drawing, "circle", {"class": "dot", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{radius:g}"})


def canvas(width: float, height: float, label: str) -> Element:
    """An empty picture."""
    size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
    return Element("svg", {"role": "img", "aria-label": label, **size})


def bar(drawing: Element, x: float, y: float, width: float, height: float) -> Element:
    """A filled rectangle."""
    place = {"x": f"{x:.2f}", "y": f"{y:.2f}", "width": f"{width:.2f}", "height": f"{height:.2f}"}
    return SubElement(drawing, "rect", {"class": "bar", **place})


def write(drawing: Element, x: float, y: float, shown: str, whole: str | None = None) -> None:
    """A text; `whole` is its title where not all of it is shown."""
    element = SubElement(drawing, "text", {"x": f"{x:g}", "y": f"{y:g}"})
    element.text = shown
    if whole is not None and whole != shown:
        SubElement(element, "title").text = whole
